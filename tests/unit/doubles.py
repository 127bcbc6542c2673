"""A machine for the demo: doubles of the commands that it runs, which record what they are asked."""

from dataclasses import dataclass
from pathlib import Path

# Written for the shell alone, so that nothing else need be on PATH: each call is a line of the file `calls`.
DOUBLE = r"""#!/bin/sh
here={here}
name=${{0##*/}}
echo "$name $*" >>"$here/calls"
read -r failing <"$here/failing"
case "$name $*" in "$failing"*) echo "$name broke" >&2; exit 1;; esac
case "$name $1 $2" in
"docker images "*) while read -r made; do [ "$made" = "$4" ] && echo 12MB; done <"$here/images";;
"docker build "*)
  echo "buildkit=$DOCKER_BUILDKIT without-attestations=$BUILDX_NO_DEFAULT_ATTESTATIONS" >>"$here/builds"
  for word; do case $word in --tag=*) echo "${{word#--tag=}}" >>"$here/images";; esac; done;;
"docker run "*) echo aGVsbG8=;;
"kind get clusters") while read -r made; do echo "$made"; done <"$here/clusters";;
"kind create cluster") echo "$4" >>"$here/clusters"; echo "of $4" >"$6";;
esac
exit 0
"""
COMMANDS = ("docker", "kind", "kubectl", "helm")


@dataclass(frozen=True)
class Machine:
    """Doubles of the commands in a folder, what was asked of them, and what they say."""

    folder: Path

    def has(self, *commands: str) -> None:
        for command in commands:
            double = self.folder / "bin" / command
            double.write_text(DOUBLE.format(here=self.folder))
            double.chmod(0o755)

    def fails(self, command: str) -> None:
        (self.folder / "failing").write_text(command + "\n")

    def has_cluster(self, name: str) -> None:
        (self.folder / "clusters").write_text(name + "\n")

    def calls(self, of: str = "") -> list[str]:
        return [call for call in (self.folder / "calls").read_text().splitlines() if call.startswith(of)]

    def builds(self) -> set[str]:
        return set((self.folder / "builds").read_text().splitlines())
