from __future__ import annotations

import threading

from unmask.realtime.mailbox import Mailbox


def test_latest_wins_and_the_sender_is_told():
    mailbox: Mailbox[str, int] = Mailbox()
    assert mailbox.put("a", 1, wait=False) is None
    assert mailbox.put("a", 2, wait=False) == 1
    assert mailbox.put("b", 3, wait=False) is None
    assert mailbox.take() == {"a": 2, "b": 3}


def test_a_waiting_sender_loses_nothing():
    mailbox: Mailbox[str, int] = Mailbox()

    def send():
        for number in range(200):
            mailbox.put("a", number, wait=True)
        mailbox.close()

    sender = threading.Thread(target=send)
    sender.start()
    received = []
    while (taken := mailbox.take()) is not None:
        received += taken.values()
    sender.join()
    assert received == list(range(200))


def test_a_sender_of_one_slot_does_not_wait_for_another():
    mailbox: Mailbox[str, int] = Mailbox()
    mailbox.put("full", 1, wait=True)
    mailbox.put("other", 2, wait=True)
    assert mailbox.take() == {"full": 1, "other": 2}


def test_a_timeout_is_not_the_end():
    mailbox: Mailbox[str, int] = Mailbox()
    assert mailbox.take(timeout=0.01) == {}
    mailbox.close()
    assert mailbox.take(timeout=0.01) is None


def test_close_wakes_a_blocked_sender_and_hands_its_item_back():
    mailbox: Mailbox[str, int] = Mailbox()
    mailbox.put("a", 1, wait=True)
    returned = []
    sender = threading.Thread(target=lambda: returned.append(mailbox.put("a", 2, wait=True)))
    sender.start()
    mailbox.close()
    sender.join(5)
    assert returned == [2]
    assert mailbox.take() == {"a": 1}, "what was accepted before the end can still be taken"
    assert mailbox.take() is None


def test_what_is_replaced_can_leave_something_behind():
    mailbox: Mailbox[str, list[int]] = Mailbox()
    mailbox.put("a", [1], wait=False, merge=list.__add__)
    assert mailbox.put("a", [2], wait=False, merge=list.__add__) == [1]
    assert mailbox.take() == {"a": [1, 2]}
