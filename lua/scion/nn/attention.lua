-- recurrent
return {}
