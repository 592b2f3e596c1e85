/* Stands in for the agent. Without arguments: say "ready", wait for SIGTERM, say "ended".
   With arguments: run them, as a command of the image's busybox where there is one. */
#define _GNU_SOURCE
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv) {
    (void)argc;
    if (argv[1]) {
        execv("/bin/busybox", argv + 1);
        execvp(argv[1], argv + 1);
        return 127;
    }
    sigset_t stop;
    int number;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, 0);
    if (write(1, "ready\n", 6) != 6)
        return 1;
    sigwait(&stop, &number);
    return write(1, "ended\n", 6) != 6;
}
