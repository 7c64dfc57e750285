/*
 * floats.h
 *		Little-endian float32 in a bytea.
 */
#ifndef FED_BASE_FLOATS_H
#define FED_BASE_FLOATS_H

extern const float *fed_float_values(bytea *data, const char *argument, Size *n_values);

#endif							/* FED_BASE_FLOATS_H */
