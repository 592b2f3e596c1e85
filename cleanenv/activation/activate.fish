# Source this file from fish:  source BIN/activate.fish
# `deactivate` undoes it: every variable is as before, what was unset is unset again.

if not status is-block
    printf 'cleanenv: this file changes your shell, it cannot be run\nhint: source %s\n' (status filename) >&2
    exit 2
end

# A script that lies in another environment than its own was moved or copied with it: `start` says what to do.
set -l environment (string replace --regex '/bin/activate\.fish$' '' -- (realpath (status filename) 2>/dev/null))
if not test -e "$environment/.cleanenv"
    set environment @ENVIRONMENT@
end

if begin
        test $environment != @ENVIRONMENT@
        or not test -x @BIN@/inenv
    end
    and not @PYTHON@ -I -m cleanenv start -e $environment
    false
else if test -x @BIN@/.session
    and not @BIN@/.session enter $fish_pid
    false
else
    # Entering from inside another environment leaves that one first. The session of this one goes on.
    if set -qg _cleanenv_session
        if test $_cleanenv_session = @BIN@/.session
            set _cleanenv_session ''
        end
        deactivate
    end
    set -g _cleanenv_session @BIN@/.session

    # Each variable is kept with the flag that makes it as it was. What is not kept was unset.
    for name in PATH CLEAN_ENV CLEAN_ENV_PROMPT
        if set -qgx $name
            set -g _cleanenv_old_$name --export $$name
        else if set -qg $name
            set -g _cleanenv_old_$name --unexport $$name
        end
    end

    # Another tool's functions of these names come back too.
    for name in deactivate destroy
        if functions -q $name
            functions -c $name _cleanenv_old_$name
        end
    end

    function deactivate -d 'Leave the environment'
        for name in PATH CLEAN_ENV CLEAN_ENV_PROMPT
            set -l kept _cleanenv_old_$name
            if set -qg $kept
                set -l old $$kept
                set -l flag $old[1]
                set -e old[1]
                set -g $flag $name $old
                set -eg $kept
            else
                set -eg $name
            end
        end
        if functions -q _cleanenv_old_prompt
            functions -e fish_prompt
            functions -c _cleanenv_old_prompt fish_prompt
            functions -e _cleanenv_old_prompt
        end
        for name in deactivate destroy
            functions -e $name
            if functions -q _cleanenv_old_$name
                functions -c _cleanenv_old_$name $name
                functions -e _cleanenv_old_$name
            end
        end
        set -l session $_cleanenv_session
        set -eg _cleanenv_session
        # Last, since it may take a while; a destroyed environment knows no sessions.
        if test -x $session
            $session leave $fish_pid
        end
        true
    end

    # The program of that name cannot change this shell.
    function destroy -d 'Destroy the environment, and leave it'
        @PYTHON@ -I -m cleanenv destroy --and-leave @ENVIRONMENT@ $argv
        and deactivate
    end

    set -gx PATH @BIN@ $PATH
    set -gx CLEAN_ENV @ENVIRONMENT@
    set -gx CLEAN_ENV_PROMPT @PROMPT@
    if test -z "$CLEAN_ENV_DISABLE_PROMPT"
        and functions -q fish_prompt
        functions -c fish_prompt _cleanenv_old_prompt
        function fish_prompt
            # It comes first, because it may show the status of the last command.
            set -l old (_cleanenv_old_prompt | string collect -N)
            printf '%s%s' "$CLEAN_ENV_PROMPT" "$old"
        end
    end
    true
end
