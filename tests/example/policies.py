"""Who may do what with shelves; the test app speaks the dialect of databases, which have no routes yet."""

from cloudweb.policy import declare, project_member, project_reader, the_cloud_itself

declare(
    {
        "database:shelves:list": project_reader,
        "database:shelves:get": project_reader,
        "database:shelves:create": project_member,
        "database:shelves:update": project_member,
        "database:shelves:delete": project_member,
        "database:shelves:clear_away": the_cloud_itself,
    }
)
