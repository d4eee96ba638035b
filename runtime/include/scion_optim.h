/* scion_optim.h: included by scion.h. */
#ifndef SCION_OPTIM_H
#define SCION_OPTIM_H

#endif
