/*
 * signals.h
 *		What the launcher and the workers do about signals.
 */
#ifndef FED_WORKER_SIGNALS_H
#define FED_WORKER_SIGNALS_H

extern PGDLLEXPORT void fed_signals_install(void);
extern PGDLLEXPORT bool fed_signals_absorb(void);

#endif							/* FED_WORKER_SIGNALS_H */
