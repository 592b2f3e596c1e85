/* Response files: `@FILE` stands for the arguments that are written in FILE (gcc(1)). */
#ifndef CLEANENV_LAUNCHER_RESPONSE_H
#define CLEANENV_LAUNCHER_RESPONSE_H

#include "launcher/paths.h"

/*
 * Put what is in such files in the place of their names, so that its paths are mapped with the others. What cannot be read is
 * left to the program, and so is what is too large to be arguments.
 */
void response_expand(struct strings *arguments);

#endif
