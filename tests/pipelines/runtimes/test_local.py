"""The runtime `local`, with real processes; isolated ones too where bubblewrap works."""

import json
import os
import pwd
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from events.doctor.services import check_tasks
from pipelines.runtimes.local import hand_over, remove, task_user, why_refused
from pipelines.runtimes.run import TaskFailed, TaskStopped, run_task
from pipelines.runtimes.sandbox import why_not_sandboxed
from projects.models import Organization
from tests.console import logged_in
from tests.pipelines.runtimes.conftest import TASK_USER, let_everybody_in, outputs, run, running, stop_once_running
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db


def test_steps_run_in_order_in_one_folder(make_task, isolation):
    task = make_task("echo one > file; pwd", {"label": "second", "code": "cat file; pwd"})

    first, second = run(task)

    assert second == f"one\n{first}"
    steps = list(task.steps.order_by("position"))
    assert [(step.position, step.label, step.exit_code, step.truncated) for step in steps] == [
        (0, "", 0, False),
        (1, "second", 0, False),
    ]
    assert steps[0].start_time <= steps[0].end_time <= steps[1].start_time <= steps[1].end_time
    assert steps[1].output_bytes == len(second)


def test_failing_step_fails_the_task_and_skips_the_rest(make_task, isolation):
    task = make_task("true", {"label": "build", "code": "echo no >&2; exit 3"}, "echo never")

    with pytest.raises(TaskFailed, match=r"^step 2 \(build\): exit status 3$"):
        run_task(task, threading.Event())

    assert outputs(task) == ["", "no\n"]
    assert [step.exit_code for step in task.steps.order_by("position")] == [0, 3]


def test_code_header_goes_before_code_without_a_shebang(make_task, project, isolation):
    project.code_header = "#!/bin/sh -eu\nsay() { echo said $1; }\n"
    project.save()

    assert run(make_task("say it", "#!/bin/sh\ncommand -v say || echo unknown")) == ["said it\n", "unknown\n"]
    with pytest.raises(TaskFailed, match="step 1: exit status 2"):
        run(make_task("echo $nothing"))


def test_code_in_other_languages_and_arguments(make_task, isolation):
    python = {"code": "#!/usr/bin/env python3\nimport sys\nprint(sys.argv[1:])", "arguments": ["a b", "$c", ""]}
    command = {"command": "printf", "arguments": ["%s|", "x y", "*"]}
    source = {"source": "a.sh", "code": "echo $1", "arguments": "alone"}

    assert run(make_task(python, command, source)) == ["['a b', '$c', '']\n", "x y|*|", "alone\n"]


def test_command_is_looked_up_in_the_path_of_the_task(make_task, isolation):
    task = make_task(
        {"command": "env", "arguments": ["printf", "%s", "by name"]},
        {"command": "/bin/echo", "arguments": ["full path"]},
        {"command": "no-such-program"},
    )

    with pytest.raises(TaskFailed, match="step 3: exit status 127"):
        run_task(task, threading.Event())

    assert outputs(task)[:2] == ["by name", "full path\n"] and "no-such-program: not found" in outputs(task)[2]
    own_path = make_task({"command": "printf", "arguments": ["x"]}, environment={"PATH": "/nowhere"})
    with pytest.raises(TaskFailed, match="step 1: exit status 127"):
        run(own_path)


def test_environment_has_nothing_of_the_worker(make_task, isolation, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "hidden")
    task = make_task('env; touch $HOME/a $TMPDIR/b; test "$(pwd)" = "$HOME"')

    (text,) = run(task)

    found = dict(line.split("=", 1) for line in text.splitlines())
    expected = {
        "EVENTLINE": "true",
        "EVENTLINE_PROJECT_ID": task.project_id,
        "EVENTLINE_PROJECT_NAME": "acme-project",
        "EVENTLINE_PIPELINE_ID": task.pipeline_id,
        "EVENTLINE_TASK_ID": task.pk,
    }
    assert expected.items() <= found.items()
    others = {"PATH", "LANG", "HOME", "TMPDIR", "EVENTLINE_CONTEXT_PATH", "EVENTLINE_IDENTITIES_PATH", "PWD"}
    assert found.keys() - expected.keys() - {"OLDPWD", "SHLVL", "_"} == others


def test_later_variables_win(make_task, make_identity, isolation):
    make_identity("hub", "github", "token", username="octo", token="t0ken-of-octo")
    definitions = [
        {"name": "flag", "type": "boolean", "default": True, "environment": "FLAG"},
        {"name": "c", "type": "number", "environment": "C"},
    ]
    task = make_task(
        "echo $EVENTLINE $GITHUB_USER $A $B $C $FLAG",
        identities=["hub"],
        environment={"EVENTLINE": "mine", "GITHUB_USER": "me", "A": "it's $HOME\nx", "B": "spec"},
        fields={
            "pipeline_task": {"task": "t", "parameters": {"c": 7}},
        },
    )
    task.spec["data"]["parameters"] = definitions
    task.pipeline.command_environment = {"B": "command", "C": "1.5"}

    assert run(task) == ["mine me it's $HOME x command 7 true\n"]


def test_context_file_and_identities(make_task, make_identity, isolation):
    make_identity("deploy", "generic", "ssh_key", private_key="-----BEGIN\nlines of it\n-----END\n")
    make_identity("other", "generic", "api_key", key="not for this task")
    task = make_task(
        'cat "$EVENTLINE_CONTEXT_PATH"',
        'cd "$EVENTLINE_IDENTITIES_PATH"; ls; ls -l deploy/private_key | cut -c1-10; wc -l < deploy/private_key',
        identities=["deploy"],
        fields={"instance_id": 3, "pipeline_task": {"task": "t", "parameters": {"x": [1]}}},
    )

    context, identities = run(task)

    found = json.loads(context)
    event = task.pipeline.event
    assert found["event"]["id"] == event.pk and found["event"]["data"] == {"a": 1}
    assert found["event"].keys() >= {"original_event_id", "processed"} and "trigger_id" not in found["event"]
    assert (found["task_parameters"], found["instance_id"]) == ({"x": [1]}, 3)
    assert found["identities"]["deploy"]["type"] == "ssh_key" and found["identities"]["deploy"]["data"]
    assert identities == "deploy\n-r--------\n3\n"
    assert "lines of it" not in context


def test_secrets_are_masked_and_what_is_public_is_not(make_task, make_identity, isolation):
    identity = make_identity("login", "generic", "password", login="octo", password="s3cret/pass word")
    task = make_task(
        'cd "$EVENTLINE_IDENTITIES_PATH/login"; cat login; echo; cat password; echo; base64 -w0 password; echo; '
        "printf s3cret/; sleep 0.2; echo pass word",
        identities=["login"],
    )

    assert run(task) == ["octo\n***\n***\n***\n"]
    identity.refresh_from_db()
    assert identity.last_use_time


def test_missing_identity_fails_the_task(make_task):
    with pytest.raises(TaskFailed, match="there is no identity 'gone' in this project"):
        run(make_task("true", identities=["gone"]))


def test_identity_whose_key_is_lost_fails_the_task(make_task, make_identity, settings):
    make_identity("login", "generic", "api_key", key="abcdef")
    settings.EVENTLANE_ENCRYPTION_KEYS = ["A" * 43 + "="]

    with pytest.raises(TaskFailed, match="'login' can't be read: no key of EVENTLANE_ENCRYPTION_KEYS"):
        run(make_task("true", identities=["login"]))


@pytest.mark.slow
def test_timeout_ends_the_whole_family(make_task, isolation):
    task = make_task("sleep 4711 & setsid sleep 4711 & echo begun; sleep 4711", parameters={"timeout": 1})

    with pytest.raises(TaskFailed, match=r"^timed out after 1 s$"):
        run_task(task, threading.Event())

    assert outputs(task) == ["begun\n"] and running("4711") == []


def test_settings_bound_what_a_spec_asks_for(make_task, settings):
    settings.EVENTLANE_TASK_TIMEOUT_SECONDS = 0.3

    with pytest.raises(TaskFailed, match=r"^timed out after 0\.3 s$"):
        run(make_task("sleep 10", parameters={"timeout": 100}))


@pytest.mark.slow
def test_stop_asks_first_then_kills(make_task, isolation, settings):
    settings.EVENTLANE_TASK_GRACE_SECONDS = 1.0
    stop = threading.Event()
    stop_once_running(stop, "0.1004")
    task = make_task("trap 'echo asked; exit 0' TERM; echo begun; while :; do sleep 0.1004; done")

    with pytest.raises(TaskStopped):
        run_task(task, stop)

    assert outputs(task)[0].startswith("begun\n") and outputs(task)[0].endswith("asked\n")
    stubborn = make_task("trap '' TERM; echo begun; while :; do sleep 0.1005; done")
    stop.clear()
    stop_once_running(stop, "0.1005")
    begin = time.monotonic()
    with pytest.raises(TaskStopped):
        run_task(stubborn, stop)
    assert 1.0 < time.monotonic() - begin < 30


def test_what_a_step_leaves_behind_ends_with_it(make_task, isolation):
    task = make_task("nohup setsid sleep 4712 >/dev/null 2>&1 & (setsid sleep 4712 &) ; echo done", "echo next")

    assert run(task) == ["done\n", "next\n"] and running("4712") == []


def test_process_that_hides_its_environment_ends_too(make_task, settings):
    settings.EVENTLANE_TASK_ISOLATION = "none"

    run(make_task("setsid env -i sleep 4713 & sleep 0.2"))

    assert running("4713") == []


def test_killed_program_is_told_apart(make_task, isolation):
    with pytest.raises(TaskFailed, match=r"step 1: exit status 137 \(signal SIGKILL\)"):
        run(make_task("kill -9 $$"))


def test_memory_is_limited(make_task, isolation):
    task = make_task("#!/usr/bin/env python3\nx = bytearray(200_000_000)\nprint(len(x))", parameters={"memory_mb": 100})

    with pytest.raises(TaskFailed, match="exit status 1"):
        run_task(task, threading.Event())

    assert "MemoryError" in outputs(task)[0]


def test_processes_are_limited(make_task, isolation):
    code = """#!/usr/bin/env python3
import os
for number in range(100):
    try:
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", "5"])
    except BlockingIOError:
        print("refused after", number)
        break
"""
    (text,) = run(make_task(code, parameters={"processes": 20}))

    assert text.startswith("refused after") and int(text.split()[-1]) < 25


def test_files_and_core_dumps_are_limited(make_task, isolation, settings):
    settings.EVENTLANE_TASK_FILE_MB = 1

    (text,) = run(make_task("ulimit -c; head -c 3000000 /dev/zero > big || true; wc -c < big"))

    assert text.splitlines()[0] == "0" and text.splitlines()[-1].strip() == str(1024 * 1024)


def test_local_runtime_has_to_be_enabled(make_task, project, settings):
    settings.EVENTLANE_LOCAL_RUNTIME = "false"
    with pytest.raises(TaskFailed, match="disabled on this server"):
        run(make_task("true"))
    settings.EVENTLANE_LOCAL_RUNTIME = "auto"
    run(make_task("true"))
    Organization.objects.create(name="stranger")
    with pytest.raises(TaskFailed, match="disabled on this server"):
        run(make_task("true"))
    settings.EVENTLANE_LOCAL_RUNTIME = "true"
    project.local_runtime = False
    project.save()
    with pytest.raises(TaskFailed, match="not enabled for this project"):
        run(make_task("true"))


def test_isolated_task_sees_little_of_the_machine(make_task, isolation):
    if isolation != "bwrap":
        pytest.skip("that is what bubblewrap is for")
    (text,) = run(
        make_task(
            """echo $(ls -A /)
            echo $(ls /tmp /work | wc -w) things
            echo $(ls -d /proc/[0-9]* | wc -l) processes
            test -e /etc/shadow || echo no shadow
            touch /usr/x 2>&1 || true"""
        )
    )

    top, things, processes, shadow, touch = text.splitlines()
    assert not {"home", "root", "var", "opt", "srv"} & set(top.split())
    assert (things, shadow) == ("2 things", "no shadow")  # the names of both folders
    assert int(processes.split()[0]) < 6 and "Read-only file system" in touch


def test_root_worker_gives_up_its_rights(make_task, isolation):
    if os.geteuid() != 0:
        pytest.skip("the worker is not root")
    (text,) = run(make_task("id -u; cat /etc/shadow 2>&1 || true; grep NoNewPrivs /proc/self/status"))

    assert text.startswith(f"{pwd.getpwnam(TASK_USER).pw_uid}\n") and "root:" not in text and text.split()[-1] == "1"


def test_root_gives_its_tasks_to_nobody_unless_told(settings):
    if os.geteuid() != 0:
        pytest.skip("the worker is not root")
    settings.EVENTLANE_TASK_USER = ""
    assert task_user() == (pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    settings.EVENTLANE_TASK_USER = "no-such-user"
    with pytest.raises(TaskFailed, match="no system user 'no-such-user'"):
        task_user()


def test_tasks_are_not_the_database_s_user(make_task, settings, tmp_path):
    """It could read the data files, and stop the server."""
    if os.geteuid() != 0:
        pytest.skip("the worker is not root")
    settings.EVENTLANE_HOME = tmp_path
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    os.chown(tmp_path / "postgres" / "data", pwd.getpwnam(TASK_USER).pw_uid, -1)
    settings.EVENTLANE_TASK_ISOLATION = "none"

    with pytest.raises(TaskFailed, match="as the owner of the database's files"):
        run(make_task("true"))


@pytest.fixture
def ordinary_user_without_bubblewrap(settings, monkeypatch, tmp_path):
    settings.EVENTLANE_TASK_ISOLATION = "auto"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    why_not_sandboxed.cache_clear()
    yield
    why_not_sandboxed.cache_clear()


def test_ordinary_user_without_bubblewrap_is_refused_unless_that_is_allowed(
    make_task, ordinary_user_without_bubblewrap, settings
):
    with pytest.raises(TaskFailed, match=r"bwrap.* is not installed.*EVENTLANE_TASK_ISOLATION=none"):
        run(make_task("true"))
    assert "server's keys" in why_refused()
    assert [state for state, text, *_ in check_tasks(None) if "local tasks" in text] == ["problem"]

    settings.EVENTLANE_TASK_ISOLATION = "none"
    assert why_refused() == ""
    assert [state for state, text, *_ in check_tasks(None) if "local tasks" in text] == ["warning"]


def test_switch_in_the_console_says_that_tasks_would_be_refused(project, ordinary_user_without_bubblewrap):
    project.local_runtime = False
    project.save()
    form = {"name": project.name, "code_header": "", "local_runtime": "on"}
    alice = logged_in(project.organization.accounts.get())

    page = alice.post(f"/console/projects/project/{project.pk}/change/", form, follow=True).content.decode()

    assert "refuse local tasks" in page and "EVENTLANE_TASK_ISOLATION=none" in page


def test_isolated_task_has_no_network_and_makes_no_namespaces(make_task, isolation):
    if isolation != "bwrap":
        pytest.skip("of the sandbox")
    (text,) = run(make_task("grep -c : /proc/net/dev\nunshare -U true 2>/dev/null && echo made || echo refused"))

    assert text.split() == ["1", "refused"]  # only its own loopback, where nothing listens


def test_isolation_can_be_demanded(make_task, settings, monkeypatch, tmp_path):
    from pipelines.runtimes.sandbox import why_not_sandboxed

    settings.EVENTLANE_TASK_ISOLATION = "bwrap"
    monkeypatch.setenv("PATH", str(tmp_path))
    why_not_sandboxed.cache_clear()
    with pytest.raises(TaskFailed, match="requires bubblewrap: bubblewrap"):
        run(make_task("true"))
    why_not_sandboxed.cache_clear()


def test_variable_of_a_task_does_not_reach_bubblewrap(make_task, isolation):
    """LD_PRELOAD would run code outside of the sandbox."""
    (text,) = run(make_task("echo ok", environment={"LD_PRELOAD": "/no/such/library.so"}))

    assert text.count("cannot be preloaded") <= 3 if isolation == "none" else "bwrap" not in text
    assert text.endswith("ok\n")


WORKER = """
import sys, threading
import django
django.setup()
from pipelines.models import Task
from pipelines.runtimes.run import run_task
run_task(Task.objects.get(pk=sys.argv[1]), threading.Event())
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_worker_takes_its_task_along(make_task, isolation, scratch, worker_environment):
    task = make_task("setsid sleep 4714 & trap '' TERM; touch begun; while :; do sleep 4714; done")
    environment = worker_environment | {"EVENTLANE_TASK_ISOLATION": isolation, "EVENTLANE_TASK_GRACE_SECONDS": "0.5"}
    worker = subprocess.Popen([sys.executable, "-c", WORKER, task.pk], env=environment)
    wait_until(lambda: len(running("4714")) >= 2, 60)

    worker.kill()
    worker.wait()

    wait_until(lambda: not running("4714"))
    wait_until(lambda: not list(Path(scratch).iterdir()))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_handing_over_follows_no_link_and_gives_the_folder_last(tmp_path):
    roots = tmp_path / "roots"
    roots.write_text("root's")
    folder = tmp_path / "run"
    (folder / "work").mkdir(parents=True)
    (folder / "work" / "link").symlink_to(roots)
    user = pwd.getpwnam(TASK_USER)

    hand_over(folder, user.pw_uid, user.pw_gid)

    everything = [folder, *folder.rglob("*")]
    assert {path.lstat().st_uid for path in everything} == {user.pw_uid} and roots.stat().st_uid == 0
    assert max(everything, key=lambda path: path.lstat().st_ctime_ns) == folder


def test_folder_that_a_task_closed_is_removed(tmp_path):
    roots = tmp_path / "other"
    roots.mkdir(mode=0o500)
    folder = tmp_path / "run"
    closed = folder / "work" / "closed"
    closed.mkdir(parents=True)
    (closed / "file").touch()
    (folder / "work" / "link").symlink_to(roots)
    user = pwd.getpwnam(TASK_USER)
    if os.geteuid() == 0:
        hand_over(tmp_path, user.pw_uid, user.pw_gid)
        let_everybody_in(tmp_path.parents[:3])
    closed.chmod(0)
    (folder / "work").chmod(0o500)

    child = os.fork()
    if child == 0:  # as the user that its permissions hold for
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        remove(folder)
        os._exit(0)

    assert os.waitpid(child, 0)[1] == 0
    assert not folder.exists() and roots.stat().st_mode & 0o777 == 0o500
