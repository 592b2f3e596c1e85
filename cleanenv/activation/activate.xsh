# Source this file from xonsh:  source BIN/activate.xsh
# `deactivate` undoes it: every variable is as before, what was unset is unset again.


def _cleanenv_activate(script):
    import os
    import subprocess

    from xonsh.built_ins import XSH

    env, aliases, context = XSH.env, XSH.aliases, XSH.ctx
    names = ("PATH", "CLEAN_ENV", "CLEAN_ENV_PROMPT")
    session = @BIN@ + "/.session"

    def run(*command):
        return subprocess.call(command, env=env.detype())

    # A script that lies in another environment than its own was moved or copied with it: `start` says what to do.
    environment = os.path.dirname(os.path.dirname(os.path.realpath(script)))
    if not os.path.exists(environment + "/.cleanenv"):
        environment = @ENVIRONMENT@
    is_ready = environment == @ENVIRONMENT@ and os.access(@BIN@ + "/inenv", os.X_OK)
    if not is_ready and run(@PYTHON@, "-I", "-m", "cleanenv", "start", "-e", environment) != 0:
        raise RuntimeError("cleanenv: the environment was not activated")
    if os.access(session, os.X_OK) and run(session, "enter", str(os.getpid())) != 0:
        raise RuntimeError("cleanenv: the environment was not activated")

    # Entering from inside another environment leaves that one first. The session of this one goes on.
    if "_cleanenv_leave" in context:
        context["_cleanenv_leave"](and_session=context["_cleanenv_session"] != session)

    old = {name: env[name] for name in names if env.is_manually_set(name)}
    old_aliases = {name: aliases[name] for name in ("deactivate", "destroy") if name in aliases}
    # Prompts show the field `env_name` for what is active.
    fields = env["PROMPT_FIELDS"]
    old_field = fields.get("env_name")

    def leave(*, and_session=True):
        for name in names:
            if name in old:
                env[name] = old[name]
            else:
                del env[name]
        fields["env_name"] = old_field
        del aliases["deactivate"], aliases["destroy"], context["_cleanenv_leave"], context["_cleanenv_session"]
        aliases.update(old_aliases)
        # Last, since it may take a while; a destroyed environment knows no sessions.
        if and_session and os.access(session, os.X_OK):
            run(session, "leave", str(os.getpid()))

    # The program of that name cannot change this shell.
    def destroy(arguments):
        status = run(@PYTHON@, "-I", "-m", "cleanenv", "destroy", "--and-leave", @ENVIRONMENT@, *arguments)
        if status == 0:
            leave()
        return status

    context["_cleanenv_leave"], context["_cleanenv_session"] = leave, session
    aliases["deactivate"] = lambda: leave()
    aliases["destroy"] = destroy
    env["PATH"] = [@BIN@, *old.get("PATH", [])]
    env["CLEAN_ENV"] = @ENVIRONMENT@
    env["CLEAN_ENV_PROMPT"] = @PROMPT@
    if not env.get("CLEAN_ENV_DISABLE_PROMPT"):
        fields["env_name"] = @PROMPT@


if __name__ == "__main__":
    import sys

    print(f"cleanenv: this file changes your shell, it cannot be run\nhint: source {__file__}", file=sys.stderr)
    sys.exit(2)

try:
    _cleanenv_activate(__file__)
finally:
    del _cleanenv_activate
