/* scion_io.h: included by scion.h. */
#ifndef SCION_IO_H
#define SCION_IO_H

#endif
