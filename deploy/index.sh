# Sourced. uv does not read pip's own configuration: hand over what pip knows of indexes and certificates, if anything.
pip_knows() { .venv/bin/python -m pip config get "global.$1" 2>/dev/null | tr '\n' ' ' | sed 's/ *$//'; }
hand_over() { # <uv's variable> <pip's value> : unless it is set already
    eval "[ -n \"\${$1:-}\" ]" || [ -z "$2" ] || export "$1=$2"
}
hand_over UV_DEFAULT_INDEX "${PIP_INDEX_URL:-$(pip_knows index-url)}"
hand_over UV_INDEX "${PIP_EXTRA_INDEX_URL:-$(pip_knows extra-index-url)}"
hand_over UV_FIND_LINKS "$(printf '%s' "${PIP_FIND_LINKS:-$(pip_knows find-links)}" | tr -s ' ' ',')"
hand_over SSL_CERT_FILE "${PIP_CERT:-$(pip_knows cert)}"
# pip takes the best version of all its indexes
[ -z "${UV_INDEX:-}" ] || hand_over UV_INDEX_STRATEGY unsafe-best-match
