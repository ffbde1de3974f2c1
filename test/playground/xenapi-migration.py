"""Debian's python3-os-xenapi, unchanged, migrates a VM by XML-RPC. Arguments: two URLs and the VM's name; tokens are in the environment."""

import os
import ssl
import sys
import time
import xmlrpc.client

from os_xenapi.client import XenAPI


def connect(url, token):
    # A certificate of the host's own; whoever calls for more than a test compares its key.
    context = ssl._create_unverified_context()
    transport = xmlrpc.client.SafeTransport(context=context)
    session = XenAPI.Session(url, transport=transport)
    session.login_with_password("root", token)
    return session


def wait(xenapi, task):
    token, progress = "", []
    while True:
        batch = xenapi.event_from(["task/" + task], token, 10.0)
        token = batch["token"]
        progress += [event["snapshot"]["progress"] for event in batch["events"] if "snapshot" in event]
        status = xenapi.task.get_status(task)
        if status not in ("pending", "cancelling"):
            # A migration that fails is taken back, and its progress with it.
            assert status != "success" or progress == sorted(progress), progress
            return status


class Client:
    """`event.from` is no name that Python can write."""

    def __init__(self, session):
        self.session = session

    def __getattr__(self, name):
        return getattr(self.session.xenapi, name)

    def event_from(self, *parameters):
        return self.session.xenapi_request("event.from", parameters)


def migrate(source, destination, vm):
    host = destination.host.get_all()[0]
    network = destination.network.get_all()[0]
    dest = destination.host.migrate_receive(host, network, {})
    sr = destination.SR.get_by_name_label("local")[0]
    vdis = {source.VBD.get_VDI(vbd): sr for vbd in source.VM.get_VBDs(vm)}
    vifs = {vif: network for vif in source.VM.get_VIFs(vm)}
    source.VM.assert_can_migrate(vm, dest, True, vdis, vifs, {})
    task = getattr(source.Async.VM, "migrate_send")(vm, dest, True, vdis, vifs, {})
    status = wait(source, task)
    return status, source.task.get_result(task), source.task.get_error_info(task)


def main(source_url, destination_url, name, expected):
    source = Client(connect(source_url, os.environ["SOURCE_TOKEN"]))
    destination = Client(connect(destination_url, os.environ["DESTINATION_TOKEN"]))
    (vm,) = source.VM.get_by_name_label(name)
    record = source.VM.get_record(vm)
    assert record["power_state"] == "Running" and record["is_control_domain"] is False
    assert int(record["memory_static_max"]) > 0 and isinstance(record["memory_static_max"], str)
    assert set(source.VM.get_all_records()) == set(source.VM.get_all())
    try:
        source.VM.get_record("OpaqueRef:missing")
        raise AssertionError("a missing VM was found")
    except XenAPI.Failure as failure:
        assert failure.details == ["HANDLE_INVALID", "VM", "OpaqueRef:missing"], failure.details
    status, result, error = migrate(source, destination, vm)
    assert status == expected, (status, error)
    if status == "success":
        assert result == "<value>%s</value>" % vm, result
        assert destination.VM.get_by_name_label(name) == [vm]
        assert source.VM.get_by_name_label(name) == []
    else:
        assert error[:2] == ["VM_MIGRATE_FAILED", vm], error
        assert source.VM.get_power_state(vm) == "Running"
    source.session.logout()
    print("the migration ended with %s" % status)


main(*sys.argv[1:])
