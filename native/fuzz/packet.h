/* Packets made of the fuzzer's bytes: such as the peers send, and such as only a stranger would. */
#ifndef CLEANENV_FUZZ_PACKET_H
#define CLEANENV_FUZZ_PACKET_H

#include "fuzz/input.h"

#include <stdbool.h>

/*
 * Send the packet that the input's front describes. The bytes of one:
 *   its type (enum wire_type), or 0: what follows is all of it, with its header
 *   how many descriptors it has; for each what it is (enum in packet.c), and bytes for what has a content
 *   its bytes (input_bytes). Of a type with a fixed size they are cut or filled up, so that it is not refused for that alone.
 * A SPAWN's are the number of descriptors that it says (32 bits) and the request, whose size and version are put right.
 * Does not wait: what does not fit in the socket is lost, and false returned.
 */
bool packet_send(int socket, struct input *input);

#endif
