# SPDX-License-Identifier: GPL-2.0
#
# From a kernel's log takes away what is reported of parts of the kernel that are not
# ours: KCSAN's data races, of which there are some in every kernel, and RCU lists
# that nf_tables reads under its mutex without telling lockdep so. How many those
# were is said in the end.

/BUG: KCSAN:/ { open_report("====") }
/WARNING: suspicious RCU usage/ { open_report("</TASK>|</IRQ>") }

inside {
	report = report $0 "\n"
	if (/\[natpunch/)
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
