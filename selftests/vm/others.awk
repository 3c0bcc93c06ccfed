# SPDX-License-Identifier: GPL-2.0
#
# From a kernel's log takes away what is reported of parts of the kernel that are not
# ours: KCSAN's data races, of which there are some in every kernel, and RCU lists
# that nf_tables reads under its mutex without telling lockdep so. A report is ours
# if it has a frame of ours; but that the clock's seconds, a word, are read while they
# are written is how ktime_get_seconds() is meant, whoever calls it. How many those were
# is said in the end.

/BUG: KCSAN:/ { open_report("====") }
/WARNING: suspicious RCU usage/ { open_report("</TASK>|</IRQ>") }

inside {
	report = report $0 "\n"
	if (/\[natpunch/ && !clock)
		ours = 1
	if ($0 ~ last)
		close_report()
	next
}

{ print }

END {
	if (inside)
		close_report()
	if (others)
		print "# reports of other parts of the kernel: " others
}

function open_report(end)
{
	if (inside)
		close_report()
	last = end
	report = ""
	clock = / ktime_get_seconds / && !/\[natpunch/
	inside = 1
	ours = 0
}

function close_report()
{
	inside = 0
	if (ours)
		printf "%s", report
	else
		others++
}
