/* What the loop waits for: the first member of everything that is in its epoll set. */
#ifndef CLEANENV_AGENT_SOURCE_H
#define CLEANENV_AGENT_SOURCE_H

enum source { SOURCE_SIGNALS, SOURCE_WORKER, SOURCE_CALL, SOURCE_TERMINAL, SOURCE_LIFELINE };

#endif
