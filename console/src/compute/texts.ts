// Texts of instances and availability groups.

import { catalogue } from "../texts/catalogue";

export const computeTexts = catalogue(
  {
    "ag.create": "Create availability group",
    "ag.created": "{name} was created with {count} instances.",
    "ag.template": "Instance template",
    "ag.template.hint": "Templates whose subnet is in this VPC. Instances are made from it.",
    "ag.template.none": "No template in this VPC yet. Create one first: what you have typed here stays.",
    "ag.azs": "Availability zones",
    "ag.azs.hint": "Instances are spread over them, then over racks and hosts. They cannot be changed later.",
    "ag.azs.needed": "Choose at least one.",
    "ag.count": "Instances",
    "ag.count.hint": "How many to start with. The group can grow and shrink later.",
  },
  {
    "ag.create": "创建高可用组",
    "ag.created": "{name} 已创建，包含 {count} 个实例。",
    "ag.template": "实例模板",
    "ag.template.hint": "子网位于该私有网络的模板，实例由其创建。",
    "ag.template.none": "该私有网络中还没有模板，请先创建；此处已填写的内容会保留。",
    "ag.azs": "可用区",
    "ag.azs.hint": "实例将分布到各可用区，再到机架和主机；创建后不可更改。",
    "ag.azs.needed": "请至少选择一个。",
    "ag.count": "实例数",
    "ag.count.hint": "初始数量，之后可扩容或缩容。",
  },
);
