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

# Bash and zsh know where this file lies. If that is in another environment than its own, it was moved or copied with
# that one, and `start` says what to do.
if [ -n "${ZSH_VERSION-}" ]; then
    eval '_cleanenv_script=${(%):-%x}'
else
    _cleanenv_script=${BASH_SOURCE-}
fi
case $_cleanenv_script in
*/*) _cleanenv_root=${_cleanenv_script%/*}/.. ;;
*) _cleanenv_root=.. ;;
esac
if [ -z "$_cleanenv_script" ] || [ ! -e "$_cleanenv_root/.cleanenv" ] || [ "$_cleanenv_root" -ef @ENVIRONMENT@ ]; then
    _cleanenv_root=@ENVIRONMENT@
fi
if { [ "$_cleanenv_root" != @ENVIRONMENT@ ] || [ ! -x @BIN@/inenv ]; } &&
    ! @PYTHON@ -I -m cleanenv start -e "$_cleanenv_root" ||
    { [ -x @BIN@/.session ] && ! @BIN@/.session enter "$$"; }; then
    unset _cleanenv_script _cleanenv_root
    return 1 2>/dev/null || exit 1
fi
unset _cleanenv_script _cleanenv_root

# Entering from inside another environment leaves that one first. The session of this one goes on.
if [ -n "${_CLEANENV_OLD_PATH+set}" ]; then
    if [ "${_CLEANENV_SESSION-}" = @BIN@/.session ]; then
        _CLEANENV_SESSION=
    fi
    deactivate
fi

# Each variable is kept as kept:VALUE (export or not did not change), set:VALUE (was not exported), or empty (was unset).
for _cleanenv_name in PATH CLEAN_ENV CLEAN_ENV_PROMPT; do
    case "$(export -p)" in
    *" $_cleanenv_name="* | *" -T $_cleanenv_name "*) _cleanenv_old=kept ;; # the latter is zsh's PATH
    *) _cleanenv_old=set ;;
    esac
    eval "_CLEANENV_OLD_$_cleanenv_name=\"\${$_cleanenv_name+$_cleanenv_old:\$$_cleanenv_name}\""
done
unset _cleanenv_name _cleanenv_old

# Another tool's functions of these names come back too, where a shell can tell their text.
if [ -n "${BASH_VERSION-}" ]; then
    _CLEANENV_OLD_FUNCTIONS=$(declare -f deactivate destroy || :)
elif [ -n "${ZSH_VERSION-}" ]; then
    _CLEANENV_OLD_FUNCTIONS=$(functions deactivate destroy || :)
fi

deactivate() {
    for _cleanenv_name in PATH PS1 CLEAN_ENV CLEAN_ENV_PROMPT; do
        eval "_cleanenv_old=\"\${_CLEANENV_OLD_$_cleanenv_name-untouched}\""
        case $_cleanenv_old in
        untouched) ;;
        '') unset "$_cleanenv_name" ;;
        kept:*) eval "$_cleanenv_name=\"\${_cleanenv_old#*:}\"" ;;
        *)
            # Only a new variable is one that is not exported.
            unset "$_cleanenv_name"
            eval "$_cleanenv_name=\"\${_cleanenv_old#*:}\""
            ;;
        esac
        unset "_CLEANENV_OLD_$_cleanenv_name"
    done
    unset _cleanenv_name _cleanenv_old
    # A shell remembers where it found a program: those places are other ones now.
    hash -r 2>/dev/null || :
    unset -f deactivate destroy
    if [ -n "${_CLEANENV_OLD_FUNCTIONS-}" ]; then
        eval "$_CLEANENV_OLD_FUNCTIONS"
    fi
    unset _CLEANENV_OLD_FUNCTIONS
    # Last, since it may take a while; a destroyed environment knows no sessions.
    if [ -x "${_CLEANENV_SESSION-}" ]; then
        "$_CLEANENV_SESSION" leave "$$" || :
    fi
    unset _CLEANENV_SESSION
}

# The program of that name cannot change this shell.
destroy() {
    @PYTHON@ -I -m cleanenv destroy --and-leave @ENVIRONMENT@ "$@" || return
    deactivate
}

_CLEANENV_SESSION=@BIN@/.session
PATH=@BIN@${PATH:+:$PATH}
CLEAN_ENV=@ENVIRONMENT@
CLEAN_ENV_PROMPT=@PROMPT@
export PATH CLEAN_ENV CLEAN_ENV_PROMPT
if [ -z "${CLEAN_ENV_DISABLE_PROMPT-}" ]; then
    _CLEANENV_OLD_PS1="${PS1+kept:$PS1}"
    PS1="$CLEAN_ENV_PROMPT${PS1-}"
fi
hash -r 2>/dev/null || :
