// SPDX-License-Identifier: GPL-2.0
/*
 * natpunch_faults.ko: lets one call of a module fail, once.
 *
 * A test names the instruction that calls, and what the callee shall seem to have
 * returned: a probe steps over the call. So every allocation can be made to fail in
 * turn, wherever it is made (a request, a packet, a timer, a module's start), in any
 * kernel that has kprobes. It is no part of what is installed.
 *
 *     /sys/module/natpunch_faults/parameters/
 *         call     "MODULE:SYMBOL OFFSET RESULT": the call OFFSET bytes behind
 *                  SYMBOL returns RESULT the next time; "off": none does. The
 *                  module may be one that is still to be loaded.
 *         reached  how often the call was reached since then
 *
 * faults_lock guards which call it is; the probe itself sees what it needs in the
 * probe's structure, which does not change while it is registered.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>

#ifndef CONFIG_X86_64
#error "Which instructions call is known for x86-64 only."
#endif

#define CALL		0xe8	/* both with a distance of 32 bits */
#define JUMP		0xe9
#define CALL_SIZE	5

static struct fault {
	struct kprobe probe;
	char symbol[MODULE_NAME_LEN + KSYM_NAME_LEN];
	unsigned int offset;
	long result;
	atomic_t reached;
	bool wanted, armed;
} fault;

static DEFINE_MUTEX(faults_lock);

static int fault_reached(struct kprobe *probe, struct pt_regs *regs)
{
	if (atomic_inc_return(&fault.reached) > 1)
		return 0;
	regs->ax = fault.result;
	if (probe->opcode == CALL) {
		regs->ip = (unsigned long)probe->addr + CALL_SIZE;
	} else {
		regs->ip = *(unsigned long *)regs->sp;
		regs->sp += sizeof(unsigned long);
	}
	return 1;
}

/* That there is one keeps the probe from becoming a jump, which can not step over. */
static void fault_after(struct kprobe *probe, struct pt_regs *regs,
			unsigned long flags)
{
}

static int fault_arm(void)
{
	int err;

	lockdep_assert_held(&faults_lock);
	fault.probe = (struct kprobe) {
		.symbol_name = fault.symbol,
		.offset = fault.offset,
		.pre_handler = fault_reached,
		.post_handler = fault_after,
	};
	err = register_kprobe(&fault.probe);
	if (err)
		return err;
	if (fault.probe.opcode != CALL && fault.probe.opcode != JUMP) {
		unregister_kprobe(&fault.probe);
		return -EINVAL;
	}
	fault.armed = true;
	return 0;
}

static void fault_disarm(void)
{
	lockdep_assert_held(&faults_lock);
	if (fault.armed)
		unregister_kprobe(&fault.probe);
	fault.armed = false;
	fault.wanted = false;
}

static bool fault_is_in(const char *module)
{
	size_t len = strlen(module);

	return !strncmp(fault.symbol, module, len) && fault.symbol[len] == ':';
}

static int fault_module(struct notifier_block *nb, unsigned long state,
			void *data)
{
	struct module *module = data;
	int err = 0;

	if (state != MODULE_STATE_COMING)
		return NOTIFY_DONE;
	mutex_lock(&faults_lock);
	if (fault.wanted && fault_is_in(module->name)) {
		/* That of the module that was there before is dead. */
		if (fault.armed)
			unregister_kprobe(&fault.probe);
		fault.armed = false;
		err = fault_arm();
	}
	mutex_unlock(&faults_lock);
	return notifier_from_errno(err);
}

static struct notifier_block fault_notifier = { .notifier_call = fault_module };

static int call_set(const char *text, const struct kernel_param *param)
{
	/* The sizes are those of fault.symbol and its NUL. */
	char symbol[sizeof(fault.symbol)];
	unsigned int offset;
	long result;
	int err = 0;

	BUILD_BUG_ON(sizeof(symbol) <= 127);
	mutex_lock(&faults_lock);
	fault_disarm();
	if (sysfs_streq(text, "off"))
		goto out;
	if (sscanf(text, "%127s %u %ld", symbol, &offset, &result) != 3) {
		err = -EINVAL;
		goto out;
	}
	strscpy(fault.symbol, symbol, sizeof(fault.symbol));
	fault.offset = offset;
	fault.result = result;
	atomic_set(&fault.reached, 0);
	fault.wanted = true;
	err = fault_arm();
	/* A module that is not there yet. */
	if (err == -ENOENT)
		err = 0;
	if (err)
		fault.wanted = false;
out:
	mutex_unlock(&faults_lock);
	return err;
}

static int reached_get(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%d\n", atomic_read(&fault.reached));
}

static const struct kernel_param_ops call_ops = { .set = call_set };
static const struct kernel_param_ops reached_ops = { .get = reached_get };

module_param_cb(call, &call_ops, NULL, 0200);
MODULE_PARM_DESC(call, "The call that fails: MODULE:SYMBOL OFFSET RESULT, or off");
module_param_cb(reached, &reached_ops, NULL, 0400);
MODULE_PARM_DESC(reached, "How often it was reached");

static int __init faults_init(void)
{
	return register_module_notifier(&fault_notifier);
}

static void __exit faults_exit(void)
{
	unregister_module_notifier(&fault_notifier);
	mutex_lock(&faults_lock);
	fault_disarm();
	mutex_unlock(&faults_lock);
}

module_init(faults_init);
module_exit(faults_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Lets a call of natpunch fail, for its tests");
