# Dot-source this file from PowerShell:  . BIN/activate.ps1
# `deactivate` undoes it: every variable is as before, what was unset is unset again.

if ($MyInvocation.InvocationName -ne '.') {
    [Console]::Error.WriteLine("cleanenv: this file changes your shell, it cannot be run`nhint: . $PSCommandPath")
    exit 2
}

# A script that lies in another environment than its own was moved or copied with it: `start` says what to do.
$cleanenvHere = Split-Path -LiteralPath $PSScriptRoot
if (-not (Test-Path -LiteralPath ($cleanenvHere + '/.cleanenv'))) {
    $cleanenvHere = @ENVIRONMENT@
}
$cleanenvFailed = $false
if ($cleanenvHere -cne @ENVIRONMENT@ -or -not (Test-Path -LiteralPath (@BIN@ + '/inenv'))) {
    & @PYTHON@ -I -m cleanenv start -e $cleanenvHere
    $cleanenvFailed = $LASTEXITCODE -ne 0
}
if (-not $cleanenvFailed -and (Test-Path -LiteralPath (@BIN@ + '/.session'))) {
    & (@BIN@ + '/.session') enter $PID
    $cleanenvFailed = $LASTEXITCODE -ne 0
}
Remove-Variable cleanenvHere
if ($cleanenvFailed) {
    Remove-Variable cleanenvFailed
    Write-Error 'cleanenv: the environment was not activated'
    return
}
Remove-Variable cleanenvFailed

# Entering from inside another environment leaves that one first. The session of this one goes on.
if (Test-Path Variable:global:_CLEANENV) {
    if ($global:_CLEANENV.Session -ceq (@BIN@ + '/.session')) {
        $global:_CLEANENV.Session = $null
    }
    deactivate
}

# What is not in Old was unset.
$global:_CLEANENV = @{ Session = @BIN@ + '/.session'; Old = @{}; Functions = @{}; Prompt = $null }
foreach ($cleanenvName in 'PATH', 'CLEAN_ENV', 'CLEAN_ENV_PROMPT') {
    if (Test-Path -LiteralPath "Env:$cleanenvName") {
        $global:_CLEANENV.Old[$cleanenvName] = (Get-Item -LiteralPath "Env:$cleanenvName").Value
    }
}
# Another tool's functions of these names come back too.
foreach ($cleanenvName in 'deactivate', 'destroy') {
    if (Test-Path "Function:$cleanenvName") {
        $global:_CLEANENV.Functions[$cleanenvName] = (Get-Item "Function:$cleanenvName").ScriptBlock
    }
}
Remove-Variable cleanenvName

function global:deactivate {
    foreach ($name in 'PATH', 'CLEAN_ENV', 'CLEAN_ENV_PROMPT') {
        if ($global:_CLEANENV.Old.ContainsKey($name)) {
            Set-Item -LiteralPath "Env:$name" -Value $global:_CLEANENV.Old[$name]
        } else {
            Remove-Item -LiteralPath "Env:$name" -ErrorAction SilentlyContinue
        }
    }
    if ($global:_CLEANENV.Prompt) {
        Set-Item -Path Function:global:prompt -Value $global:_CLEANENV.Prompt
    }
    foreach ($name in 'deactivate', 'destroy') {
        if ($global:_CLEANENV.Functions.ContainsKey($name)) {
            Set-Item -Path "Function:global:$name" -Value $global:_CLEANENV.Functions[$name]
        } else {
            Remove-Item "Function:$name"
        }
    }
    $session = $global:_CLEANENV.Session
    Remove-Variable _CLEANENV -Scope Global
    # Last, since it may take a while; a destroyed environment knows no sessions.
    if ($session -and (Test-Path -LiteralPath $session)) {
        & $session leave $PID
    }
}

# The program of that name cannot change this shell.
function global:destroy {
    & @PYTHON@ -I -m cleanenv destroy --and-leave @ENVIRONMENT@ @args
    if ($LASTEXITCODE -eq 0) {
        deactivate
    }
}

$env:PATH = if ($env:PATH) { @BIN@ + ':' + $env:PATH } else { @BIN@ }
$env:CLEAN_ENV = @ENVIRONMENT@
$env:CLEAN_ENV_PROMPT = @PROMPT@
if (-not $env:CLEAN_ENV_DISABLE_PROMPT -and (Test-Path Function:prompt)) {
    $global:_CLEANENV.Prompt = $function:prompt
    function global:prompt {
        Write-Host -NoNewline $env:CLEAN_ENV_PROMPT
        & $global:_CLEANENV.Prompt
    }
}
