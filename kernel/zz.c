#include "netlink-gen.h"
int natpunch_nl_hold_get_doit(struct sk_buff *s, struct genl_info *i){return -EOPNOTSUPP;}
int natpunch_nl_hold_get_dumpit(struct sk_buff *s, struct netlink_callback *cb){return 0;}
int natpunch_nl_crafted_new_doit(struct sk_buff *s, struct genl_info *i){return -EOPNOTSUPP;}
int natpunch_nl_crafted_del_doit(struct sk_buff *s, struct genl_info *i){return -EOPNOTSUPP;}
int natpunch_nl_crafted_get_doit(struct sk_buff *s, struct genl_info *i){return -EOPNOTSUPP;}
int natpunch_nl_crafted_get_dumpit(struct sk_buff *s, struct netlink_callback *cb){return 0;}
int natpunch_nl_crafted_dev_set_doit(struct sk_buff *s, struct genl_info *i){return -EOPNOTSUPP;}
int natpunch_nl_crafted_dev_get_doit(struct sk_buff *s, struct genl_info *i){return -EOPNOTSUPP;}
int natpunch_nl_crafted_dev_get_dumpit(struct sk_buff *s, struct netlink_callback *cb){return 0;}
