"""Arguments for ssh in an inventory: what a host of the spec has is carried over, everything else is refused by name."""

from __future__ import annotations

import pytest

from orchestrator.inventory.ssh_arguments import RefusedArgumentError, SshArguments, read_ssh_arguments


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", SshArguments()),
        ("-J me@bastion", SshArguments(jump="me@bastion")),
        ("-Jme@bastion:2222", SshArguments(jump="me@bastion:2222")),
        ("-o ProxyJump=bastion", SshArguments(jump="bastion")),
        ("-oProxyJump=bastion", SshArguments(jump="bastion")),
        ("-o 'proxyjump bastion'", SshArguments(jump="bastion")),
        ("-o ProxyJump=none", SshArguments()),
        ("-J first -J second", SshArguments(jump="first")),
        ("-i keys/class -l ubuntu -p 2222", SshArguments(key="keys/class", user="ubuntu", port="2222")),
        ("-o IdentityFile=k -o User=u -o Port=9", SshArguments(key="k", user="u", port="9")),
        ('-o ProxyCommand="ssh -W %h:%p -q me@bastion"', SshArguments(jump="me@bastion")),
        ('-o ProxyCommand="ssh -q -p 2222 -l me -W %h:%p bastion"', SshArguments(jump="me@bastion:2222")),
        ('-o ProxyCommand="/usr/bin/ssh -i k -W [%h]:%p me@bastion"', SshArguments(jump="me@bastion", key="k")),
        ("-4 -C -q -o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=30", SshArguments()),
        ("-o StrictHostKeyChecking=yes -o ForwardAgent=no", SshArguments()),
    ],
)
def test_what_a_host_of_the_spec_has_is_carried_over(text: str, found: SshArguments) -> None:
    assert read_ssh_arguments(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "-o StrictHostKeyChecking=no",
        "-o stricthostkeychecking=accept-new",
        "-oStrictHostKeyChecking=off",
        "-o UserKnownHostsFile=/dev/null",
        "-o GlobalKnownHostsFile=/etc/mine",
        '-o ProxyCommand="ssh -o StrictHostKeyChecking=no -W %h:%p bastion"',
    ],
)
def test_what_weakens_the_check_of_host_keys_is_refused(text: str) -> None:
    with pytest.raises(RefusedArgumentError, match="weakens the check of host keys") as refused:
        read_ssh_arguments(text)
    assert "always checked" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-A", "-A, which can't be carried over"),
        ("-F other", "-F, which"),
        ("-L 1:x:1", "-L, which"),
        ("-o HostKeyAlias=x", "hostkeyalias, which"),
        ("-o ForwardAgent=yes", "forwardagent, which"),
        ("-J one,two", "several jump hosts"),
        ('-o ProxyCommand="ssh -J a -W %h:%p b"', "several jump hosts"),
        ('-o ProxyCommand="nc -X 5 -x proxy:1080 %h %p"', "ProxyCommand that is not"),
        ('-o ProxyCommand="ssh bastion nc %h %p"', "no option|ProxyCommand that is not"),
        ("-o 'ProxyJump=x", "a quote without an end"),
        ("bastion", "a word that is no option"),
    ],
)
def test_what_cannot_be_carried_over_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(RefusedArgumentError, match=said):
        read_ssh_arguments(text)


def test_values_are_not_repeated() -> None:
    with pytest.raises(RefusedArgumentError) as refused:
        read_ssh_arguments("-o SetEnv=TOKEN=sentinel")
    assert "sentinel" not in str(refused.value) + refused.value.hint
