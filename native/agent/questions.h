/* EXISTS, GLOB and WATCH: what is in the container, asked by the live directory and by the path rules. */
#ifndef CLEANENV_AGENT_QUESTIONS_H
#define CLEANENV_AGENT_QUESTIONS_H

#include "agent/options.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether a message of this type is a question. */
bool questions_include(uint16_t type);

/*
 * Answer questions on `connection` until its end, in a process of its own that is the user: a file system that hangs holds
 * up this connection and no other, and nothing is told that the user could not see. `type` and `descriptor` are the
 * first question. Never returns.
 */
_Noreturn void questions_answer(const struct options *options, int connection, uint16_t type, int descriptor);

#endif
