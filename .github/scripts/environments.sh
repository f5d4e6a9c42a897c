#!/usr/bin/env bash
# environments: whether GitHub guards the secrets of each environment as docs/day.md says. It prints a line for each
# setting that is missing, and ends with 1 then. It reads the settings through `gh`, and changes nothing.
# GitHub creates an environment without any protection as soon as a workflow names it: nothing fails without them.
set -euo pipefail

faults=0

say() {
    echo "$1"
    faults=1
}

# guarded NAME REFS REVIEWED: the environment's jobs run for these refs only, and after an approval if REVIEWED is yes.
guarded() {
    local name=$1 refs=$2 reviewed=$3 reviewers found
    local repair="Repair: Settings, Environments, $name, as docs/day.md has it"
    if ! reviewers=$(gh api "repos/{owner}/{repo}/environments/$name" \
        --jq '[.protection_rules[] | select(.type == "required_reviewers") | .reviewers[]] | length'); then
        say "The environment $name cannot be read: does it exist? $repair"
        return
    fi
    if [ "$reviewed" = yes ] && [ "$reviewers" -eq 0 ]; then
        say "The environment $name has no required reviewers: its secrets are given without an approval. $repair"
    fi
    found=$(gh api "repos/{owner}/{repo}/environments/$name/deployment-branch-policies" \
        --jq '[.branch_policies[].name] | sort | join(" ")' 2>/dev/null) || found=""
    if [ "$found" != "$refs" ]; then
        say "The environment $name is not limited to $refs: it names ${found:-no branch}. $repair"
    fi
}

main() {
    guarded preview 'refs/pull/*/merge' yes
    guarded drift main no
    guarded production main yes
    [ "$faults" -eq 0 ] || exit 1
    echo "The environments are guarded as documented."
}

main
