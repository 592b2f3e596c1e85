/*
 * Terminals that programs inside have made in the likeness of a keeper's, as script(1) does: EXTPROC, which is in the settings that
 * they copy, is for a terminal whose lines somebody else edits. Nobody does there.
 */
#ifndef CLEANENV_AGENT_COPIES_H
#define CLEANENV_AGENT_COPIES_H

/* Set apart a pty that has EXTPROC by right. To be called before it has. Returns 0, or -1 with errno. */
int copies_except(int inner);

/* Have every other pty of this system edit its lines. */
void copies_mend(void);

#endif
