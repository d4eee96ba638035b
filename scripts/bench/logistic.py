"""logistic.lua's row in scikit-learn, on the same numbers, in f32 (as given) and f64."""


def rows(env):
    def fit(only=None):
        if not env.sklearn:
            return {}
        import numpy as np
        from sklearn.linear_model import LogisticRegression

        arguments = env.arguments
        x, y = np.load(arguments["x"]), np.load(arguments["y"])

        def variant(data):
            model = LogisticRegression(C=arguments["c"], tol=arguments["tol"], max_iter=1000)

            def facts():
                p = model.predict_proba(x.astype(np.float64))
                loss = -np.log(p[np.arange(len(y)), np.searchsorted(model.classes_, y)]).mean()
                loss += 0.5 * (model.coef_.astype(np.float64) ** 2).sum() / (arguments["c"] * len(y))
                return "objective %.6f, %.1f %% right, %d iterations" % (loss, 100 * model.score(data, y), model.n_iter_[0])

            return (lambda: model.fit(data, y)), facts

        return {"scikit-learn": variant(x), "scikit-learn, f64": variant(x.astype(np.float64))}

    return {"1000 x 1000 ten classes": fit}
