/* The launcher's own pages. */
#ifndef CLEANENV_LAUNCHER_MEMORY_H
#define CLEANENV_LAUNCHER_MEMORY_H

/*
 * Keep this program's pages in memory. They come from the live directory: when its server dies, one that has to be read again
 * is SIGBUS, and the call is lost although its program is well. A limit on locked memory leaves that risk. A short call is over
 * before its pages could go, and need not pay for it. A fork does not inherit it.
 */
void memory_pin(void);

#endif
