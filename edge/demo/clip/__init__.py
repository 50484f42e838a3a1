"""The demo's clip: the script of its visitors, and what draws them. Its README says how and from what."""
