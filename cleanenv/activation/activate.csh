# Source this file from csh or tcsh:  source BIN/activate.csh
# `deactivate` undoes it: every variable is as before, what was unset is unset again.

if ( $?0 ) then
    if ( "$0:t" == "activate.csh" ) then
        /bin/sh -c 'printf "cleanenv: this file changes your shell, it cannot be run\nhint: source %s\n" "$1" >&2' sh "$0"
        exit 2
    endif
endif

# There is no way to return from a sourced file: each step looks at this status.
/usr/bin/test -x @BIN@/inenv || @PYTHON@ -I -m cleanenv start -e @ENVIRONMENT@
set _cleanenv_status = $status
if ( $_cleanenv_status == 0 ) then
    /usr/bin/test ! -x @BIN@/.session || @BIN@/.session enter $$
    set _cleanenv_status = $status
endif

if ( $_cleanenv_status == 0 ) then
    # Entering from inside another environment leaves that one first. The session of this one goes on.
    if ( $?_cleanenv_session ) then
        if ( "$_cleanenv_session" == @BIN@/.session ) set _cleanenv_session = /dev/null
        deactivate
    endif
    set _cleanenv_session = @BIN@/.session

    # An alias for each variable puts it back: one line cannot choose between commands by what is set.
    if ( $?PATH ) then
        set _cleanenv_old_path = "$PATH"
        alias _cleanenv_path 'setenv PATH "$_cleanenv_old_path"'
        setenv PATH @BIN@:"$PATH"
    else
        alias _cleanenv_path unsetenv PATH
        setenv PATH @BIN@
    endif
    # A variable of the shell that has the same name would hide that of the environment.
    /usr/bin/printenv CLEAN_ENV > /dev/null
    if ( $status == 0 ) then
        set _cleanenv_old_env = "`/usr/bin/printenv CLEAN_ENV`"
        alias _cleanenv_env 'setenv CLEAN_ENV "$_cleanenv_old_env"'
    else
        alias _cleanenv_env unsetenv CLEAN_ENV
    endif
    setenv CLEAN_ENV @ENVIRONMENT@
    /usr/bin/printenv CLEAN_ENV_PROMPT > /dev/null
    if ( $status == 0 ) then
        set _cleanenv_old_title = "`/usr/bin/printenv CLEAN_ENV_PROMPT`"
        alias _cleanenv_title 'setenv CLEAN_ENV_PROMPT "$_cleanenv_old_title"'
    else
        alias _cleanenv_title unsetenv CLEAN_ENV_PROMPT
    endif
    setenv CLEAN_ENV_PROMPT @PROMPT@

    alias _cleanenv_prompt :
    if ( $?prompt ) then
        set _cleanenv_hide = ""
        if ( $?CLEAN_ENV_DISABLE_PROMPT ) then
            set _cleanenv_hide = "$CLEAN_ENV_DISABLE_PROMPT"
        endif
        if ( "$_cleanenv_hide" == "" ) then
            set _cleanenv_old_prompt = "$prompt"
            alias _cleanenv_prompt 'set prompt = "$_cleanenv_old_prompt"'
            set prompt = @PROMPT@"$prompt"
        endif
        unset _cleanenv_hide
    endif

    # Another tool's aliases of these names come back too.
    set _cleanenv_old_deactivate = "`alias deactivate`"
    if ( "$_cleanenv_old_deactivate" == "" ) then
        alias _cleanenv_deactivate unalias deactivate
    else
        alias _cleanenv_deactivate 'alias deactivate "$_cleanenv_old_deactivate"'
    endif
    set _cleanenv_old_destroy = "`alias destroy`"
    if ( "$_cleanenv_old_destroy" == "" ) then
        alias _cleanenv_destroy unalias destroy
    else
        alias _cleanenv_destroy 'alias destroy "$_cleanenv_old_destroy"'
    endif
    # The program of that name cannot change this shell. `eval`, because all that deactivate stands for is meant.
    set _cleanenv_destroying = ( @PYTHON@ -I -m cleanenv destroy --and-leave @ENVIRONMENT@ )
    alias destroy '$_cleanenv_destroying:q \!* && eval deactivate'
    # The session is the last, since that may take a while; a destroyed environment knows no sessions.
    alias deactivate '_cleanenv_path; _cleanenv_env; _cleanenv_title; _cleanenv_prompt; _cleanenv_deactivate; _cleanenv_destroy; unalias _cleanenv_path _cleanenv_env _cleanenv_title _cleanenv_prompt _cleanenv_deactivate _cleanenv_destroy; unset _cleanenv_old_path _cleanenv_old_env _cleanenv_old_title _cleanenv_old_prompt _cleanenv_old_deactivate _cleanenv_old_destroy _cleanenv_destroying; rehash; if ( -x "$_cleanenv_session" ) "$_cleanenv_session" leave $$; unset _cleanenv_session'
    rehash
endif
# The status of this file; `endif` and `unset` have one of their own.
eval "unset _cleanenv_status; /usr/bin/test $_cleanenv_status = 0"
