# Source this file from sh, bash, dash or zsh:  . BIN/activate
# `deactivate` undoes it: every variable is as before, what was unset is unset again.

if [ -n "${BASH_VERSION-}" ]; then
    if [ "${BASH_SOURCE-}" = "$0" ]; then
        printf 'cleanenv: this file changes your shell, it cannot be run\nhint: source %s\n' "$0" >&2
        exit 2
    fi
elif [ -n "${ZSH_VERSION-}" ]; then
    case ${ZSH_EVAL_CONTEXT-} in
    *file*) ;;
    *)
        printf 'cleanenv: this file changes your shell, it cannot be run\nhint: source %s\n' "$0" >&2
        exit 2
        ;;
    esac
elif [ "${0##*/}" = activate ]; then
    printf 'cleanenv: this file changes your shell, it cannot be run\nhint: . %s\n' "$0" >&2
    exit 2
fi

deactivate() {
    if [ -n "${_CLEANENV_OLD_PATH+set}" ]; then
        PATH=$_CLEANENV_OLD_PATH
        export PATH
        unset _CLEANENV_OLD_PATH
    fi
    if [ -n "${_CLEANENV_OLD_PS1+set}" ]; then
        PS1=$_CLEANENV_OLD_PS1
        unset _CLEANENV_OLD_PS1
    elif [ -n "${_CLEANENV_NO_PS1+set}" ]; then
        unset PS1 _CLEANENV_NO_PS1
    fi
    unset CLEAN_ENV CLEAN_ENV_PROMPT
    # A shell remembers where it found a program: those places are other ones now.
    hash -r 2>/dev/null || :
    if [ "${1-}" != keep ]; then
        unset -f deactivate
    fi
}

# Entering from inside another environment leaves that one first.
deactivate keep

if [ ! -x @BIN@/inenv ] && ! @PYTHON@ -I -m cleanenv start -e @ENVIRONMENT@; then
    unset -f deactivate
    return 1 2>/dev/null || exit 1
fi

_CLEANENV_OLD_PATH=$PATH
PATH=@BIN@:$PATH
CLEAN_ENV=@ENVIRONMENT@
CLEAN_ENV_PROMPT=@PROMPT@
export PATH CLEAN_ENV CLEAN_ENV_PROMPT
if [ -z "${CLEAN_ENV_DISABLE_PROMPT-}" ]; then
    if [ -n "${PS1+set}" ]; then
        _CLEANENV_OLD_PS1=$PS1
    else
        _CLEANENV_NO_PS1=1
    fi
    PS1="$CLEAN_ENV_PROMPT${PS1-}"
fi
hash -r 2>/dev/null || :
