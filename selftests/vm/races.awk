# SPDX-License-Identifier: GPL-2.0
#
# From a kernel's log takes away what KCSAN reports of data races that our modules
# have no part in: there are some in every kernel. How many those were is said
# in the end.

/BUG: KCSAN:/ {
	report = ""
	inside = 1
	ours = 0
}

inside {
	report = report $0 "\n"
	if (/\[natpunch/)
		ours = 1
	if (/====/)
		close_report()
	next
}

{ print }

END {
	if (inside)
		close_report()
	if (others)
		print "# data races elsewhere in the kernel: " others
}

function close_report()
{
	inside = 0
	if (ours)
		printf "%s", report
	else
		others++
}
