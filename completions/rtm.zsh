
#compdef rtm

_rtm_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _RTM_COMPLETE=complete_zsh rtm)
}

compdef _rtm_completion rtm

