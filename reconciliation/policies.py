"""Who may look at differences and have them healed: operators."""

from cloudweb.policy import admin, declare, the_cloud_itself

declare(
    {
        "cloud:differences:note": the_cloud_itself,
        "cloud:differences:look_at_rows": the_cloud_itself,
        "cloud:differences:heal_due": the_cloud_itself,
        "cloud:differences:forget": the_cloud_itself,
        "cloud:differences:heal": admin,
        "cloud:differences:leave": admin,
    }
)
