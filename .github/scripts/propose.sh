#!/usr/bin/env bash
# propose STACK FROM SERVICE=IMAGE…: a pull request that changes the images of these services in the stack's configuration. One that is
# open for the same services is brought up to date. FROM says where the images come from, such as the address of a commit.
set -euo pipefail

main() {
    local stack=${1##*/} from=$2 services branch title changed body open
    shift 2
    # A list that ends with a line break has an empty line more.
    local images=()
    while read -r image; do
        [ -z "$image" ] || images+=("$image")
    done < <(printf '%s\n' "$@")
    services=$(printf '%s\n' "${images[@]%%=*}" | sort --unique | paste --serial --delimiters=+)
    branch=release/$stack/$services
    title="Release $services to $stack"

    changed=$(.venv/bin/python -m auren_infra release --stack "$stack" -- "${images[@]}")
    # A fork may have a branch of this name.
    open=$(gh pr list --head "$branch" --state open --json number,isCrossRepository \
        --jq '[.[] | select(.isCrossRepository | not)][0].number // empty')
    if git diff --quiet; then
        echo "The configuration of $stack names these images already."
        # Its merge would bring an earlier proposal.
        [ -z "$open" ] || gh pr close "$open" --comment "$stack names these images already. From $from."
        return
    fi
    body="From $from."$'\n\n```text\n'$changed$'\n```'
    git switch --quiet --force-create "$branch"
    git -c user.name=auren-release -c user.email=auren-release@users.noreply.github.com \
        commit --quiet --all --message "$title" --message "From $from."
    git push --quiet --force origin "$branch"
    if [ -n "$open" ]; then
        gh pr edit "$open" --title "$title" --body "$body"
    else
        gh pr create --head "$branch" --base main --title "$title" --body "$body"
    fi
}

main "$@"
