# Use this file from nushell:  use BIN/activate.nu *
# (`overlay use` and `source` work as well.) `deactivate` undoes it: what was there before is there again.

const HERE = path self
const BIN = @BIN@
const ENVIRONMENT = @ENVIRONMENT@
const SESSION = $BIN | path join .session

export-env {
    let typed = open --raw $"/proc/($nu.pid)/cmdline" | decode utf-8 | split row (char --integer 0)
    if ($typed | skip 1 | any {|word| ($word | path expand) == ($HERE | path expand) }) {
        print --stderr $"cleanenv: this file changes your shell, it cannot be run\nhint: use ($HERE) *"
        exit 2
    }

    # A script that lies in another environment than its own was moved or copied with it: `start` says what to do.
    let around = $HERE | path expand | path dirname | path dirname
    let is_elsewhere = $around != $ENVIRONMENT and ($around | path join .cleanenv | path exists)
    if $is_elsewhere or not ($BIN | path join inenv | path exists) {
        succeed { ^@PYTHON@ -I -m cleanenv start -e (if $is_elsewhere { $around } else { $ENVIRONMENT }) }
    }
    if ($SESSION | path exists) {
        succeed { ^$SESSION enter $nu.pid }
    }

    # Entering from inside another environment leaves that one first. The session of this one goes on.
    if "_CLEANENV" in $env { leave --and-session=($env._CLEANENV.session != $SESSION) }

    # A record is not exported to programs. What is not in `old` was unset.
    $env._CLEANENV = {
        session: $SESSION
        old: ([PATH CLEAN_ENV CLEAN_ENV_PROMPT PROMPT_COMMAND]
            | where {|name| $name in $env }
            | reduce --fold {} {|name, kept| $kept | merge { $name: ($env | get $name) } })
    }
    let path = $env.PATH? | default []
    $env.PATH = (if ($path | describe) == string { $path | split row (char esep) } else { $path }) | prepend $BIN
    $env.CLEAN_ENV = $ENVIRONMENT
    $env.CLEAN_ENV_PROMPT = @PROMPT@
    if ($env.CLEAN_ENV_DISABLE_PROMPT? | is-empty) and "PROMPT_COMMAND" in $env {
        let old = $env.PROMPT_COMMAND
        $env.PROMPT_COMMAND = {||
            let shown = if ($old | describe) == closure { do $old } else { $old }
            $"($env.CLEAN_ENV_PROMPT)($shown)"
        }
    }
}

# Leave the environment.
export def --env deactivate [] {
    check_active
    leave --and-session
}

# Destroy the environment, and leave it: the program of that name cannot change this shell.
export def --env --wrapped destroy [...options: string] {
    check_active
    try {
        ^@PYTHON@ -I -m cleanenv destroy --and-leave $ENVIRONMENT ...$options
    } catch {
        error make --unspanned { msg: "cleanenv: the environment was not destroyed" }
    }
    leave --and-session
}

def check_active [] {
    if "_CLEANENV" not-in $env {
        error make --unspanned { msg: "cleanenv: no environment is active in this shell" }
    }
}

def --env leave [--and-session] {
    let kept = $env._CLEANENV
    for name in [PATH CLEAN_ENV CLEAN_ENV_PROMPT PROMPT_COMMAND] {
        if $name in $kept.old {
            load-env { $name: ($kept.old | get $name) }
        } else {
            hide-env --ignore-errors $name
        }
    }
    hide-env _CLEANENV
    # Last, since it may take a while; a destroyed environment knows no sessions.
    if $and_session and ($kept.session | path exists) {
        try { ^$kept.session leave $nu.pid }
    }
}

# Its message has been shown already when a program fails.
def succeed [step: closure] {
    try { do $step } catch { error make --unspanned { msg: "cleanenv: the environment was not activated" } }
}
