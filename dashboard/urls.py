"""Routes of the dashboard."""

from django.urls import path

from dashboard.views.account import Account
from dashboard.views.activity import Activity
from dashboard.views.api_access import ApiAccess, CloudsYaml, OpenRc
from dashboard.views.application_credentials import (
    ApplicationCredentials,
    NewApplicationCredential,
)
from dashboard.views.backup import (
    BackupPage,
    DeleteBackup,
    ProveBackup,
    RenameBackup,
    RestoreBackup,
)
from dashboard.views.backups import Backups
from dashboard.views.console import ConsoleToken, ConsoleWindow, OpenConsole, ServerTerminal
from dashboard.views.console_recordings import (
    ConsoleRecordingCast,
    ConsoleRecordingPage,
    ConsoleRecordings,
    SwitchRecording,
)
from dashboard.views.database import (
    DatabaseAction,
    DatabaseAuthority,
    DatabaseHistory,
    DatabaseOverview,
    DatabaseSize,
    GrowDatabase,
    LetInDatabase,
    RenameDatabase,
    ResizeDatabase,
    UpgradeDatabase,
)
from dashboard.views.database_backups import (
    BackUpDatabase,
    DatabaseBackups,
    DatabaseOwnBackups,
    DatabaseReplicas,
    DeleteDatabaseBackup,
    KeepDatabaseLog,
    NewReplica,
    ProveDatabaseBackup,
    SetFailover,
)
from dashboard.views.database_contents import (
    ChangeContents,
    DatabaseContents,
    DatabaseLogs,
    EnableRoot,
    NewContent,
    NewDatabaseUser,
    NewPassword,
)
from dashboard.views.database_schedules import (
    DeleteDatabaseSchedule,
    EditDatabaseSchedule,
    NewDatabaseSchedule,
    PauseDatabaseSchedule,
    ResumeDatabaseSchedule,
)
from dashboard.views.database_settings import (
    ConfigurationPage,
    Configurations,
    ConfigureDatabase,
    DatabaseSettings,
    NewConfiguration,
)
from dashboard.views.databases import Databases, LaunchDatabase
from dashboard.views.expired_password import ExpiredPassword
from dashboard.views.federation import Callback, Depart, LoggedOut
from dashboard.views.floating_ips import FloatingIps, LeadFloatingIp, NewFloatingIp
from dashboard.views.image_details import (
    AnswerShare,
    ImageMembers,
    ImageWords,
    RemoveMember,
    WithholdImage,
)
from dashboard.views.images import (
    DeleteImage,
    ImageData,
    ImageDetail,
    ImageLive,
    Images,
    ImportImage,
    NewImage,
)
from dashboard.views.key_pairs import GenerateKey, ImportKey, KeyPairs
from dashboard.views.launch import Launch
from dashboard.views.members import AddMember, ChangeMember, Members
from dashboard.views.network import DeleteNetwork, EditNetwork, NetworkPage
from dashboard.views.network_picture import NetworkPicture
from dashboard.views.network_sharing import EndSharing, ShareNetwork
from dashboard.views.network_subnets import AddSubnet, DeleteSubnet
from dashboard.views.networks import Networks, NewNetwork, PrivateNetwork
from dashboard.views.overview import LiveOverview, Overview
from dashboard.views.path_trace import ServerTrace
from dashboard.views.router import DeleteRouter, EditRouter, RouterPage, SetGateway
from dashboard.views.router_parts import AddInterface, AddRoute, RemoveInterface, RemoveRoute
from dashboard.views.routers import JoinNetwork, NewRouter, Routers
from dashboard.views.second_factor import (
    BeginSecondFactor,
    NewSecondFactor,
    RemoveSecondFactor,
    RenewCodes,
    SecondFactor,
)
from dashboard.views.second_step import SecondStep
from dashboard.views.security_group import EditGroup, NewRule, SecurityGroupPage
from dashboard.views.security_groups import NewGroup, SecurityGroups
from dashboard.views.server import (
    AllowTraffic,
    ConsoleDownload,
    ConsoleText,
    RenameServer,
    ServerConsole,
    ServerHistory,
    ServerOverview,
)
from dashboard.views.server_groups import NewServerGroup, ServerGroups
from dashboard.views.server_image import ServerRebuild, ServerRescue
from dashboard.views.server_interfaces import AttachInterface, DetachInterface
from dashboard.views.server_move import EndMove, ServerMove
from dashboard.views.server_network import (
    AttachFloatingIp,
    AttachGroup,
    DetachFloatingIp,
    DetachGroup,
)
from dashboard.views.server_resize import ServerResize
from dashboard.views.server_usage import ServerUsage, UsageGraphs
from dashboard.views.server_volumes import SwapVolume
from dashboard.views.servers import ServerAction, Servers
from dashboard.views.session import LogIn, LogOut, SwitchProject
from dashboard.views.usage import Usage
from dashboard.views.volume import DeleteVolume, GrowVolume, RenameVolume, VolumePage
from dashboard.views.volume_backups import BackUpVolume
from dashboard.views.volume_group import (
    AddVolume,
    CopyVolumeGroup,
    DeleteGroupSnapshot,
    DeleteVolumeGroup,
    EditVolumeGroup,
    RemoveVolume,
    RestoreGroupSnapshot,
    SnapshotVolumeGroup,
    VolumeGroupPage,
)
from dashboard.views.volume_groups import NewVolumeGroup, VolumeGroups
from dashboard.views.volume_image import ReimageVolume, RetypeVolume, UploadVolume
from dashboard.views.volume_offer import OfferVolume, WithdrawVolume
from dashboard.views.volume_schedules import (
    DeleteSchedule,
    EditSchedule,
    NewSchedule,
    PauseSchedule,
    ResumeSchedule,
)
from dashboard.views.volume_server import AttachVolume, DetachVolume
from dashboard.views.volume_snapshots import (
    DeleteSnapshot,
    RevertVolume,
    SnapshotServer,
    TakeSnapshot,
)
from dashboard.views.volumes import NewVolume, TakeVolume, Volumes

VOLUME_GROUP = "volume-groups/<uuid:volume_group_id>"
DATABASE = "databases/<uuid:database_id>"
DATABASE_SCHEDULE = f"{DATABASE}/schedules/<uuid:schedule_id>"

urlpatterns = [
    path("login/expired", ExpiredPassword.as_view(), name="expired_password"),
    path("login", LogIn.as_view(), name="login"),
    path("login/code", SecondStep.as_view(), name="second_step"),
    path("login/oidc/callback", Callback.as_view(), name="federated_callback"),
    path("login/oidc/<str:provider_id>", Depart.as_view(), name="federated_login"),
    path("logged-out", LoggedOut.as_view(), name="logged_out"),
    path("logout", LogOut.as_view(), name="logout"),
    path("project", SwitchProject.as_view(), name="switch_project"),
    path("", Overview.as_view(), name="overview"),
    path("overview/live", LiveOverview.as_view(), name="overview_live"),
    path("servers", Servers.as_view(), name="servers"),
    path("servers/launch", Launch.as_view(), name="launch"),
    path("servers/<uuid:server_id>", ServerOverview.as_view(), name="server"),
    path("servers/<uuid:server_id>/history", ServerHistory.as_view(), name="server_history"),
    path("servers/<uuid:server_id>/reachability", ServerTrace.as_view(), name="server_trace"),
    path("servers/<uuid:server_id>/console", ServerConsole.as_view(), name="server_console"),
    path("servers/<uuid:server_id>/usage", ServerUsage.as_view(), name="server_usage"),
    path("servers/<uuid:server_id>/usage/graphs", UsageGraphs.as_view(), name="usage_graphs"),
    path("servers/<uuid:server_id>/console/text", ConsoleText.as_view(), name="console_text"),
    path("servers/<uuid:server_id>/console/log", ConsoleDownload.as_view(), name="console_log"),
    path("servers/<uuid:server_id>/move", ServerMove.as_view(), name="server_move"),
    path(
        "servers/<uuid:server_id>/move/<int:migration_id>/abort",
        EndMove.as_view(),
        name="abort_move",
    ),
    path(
        "servers/<uuid:server_id>/move/<int:migration_id>/finish",
        EndMove.as_view(how="finish"),
        name="finish_move",
    ),
    path("servers/<uuid:server_id>/resize", ServerResize.as_view(), name="server_resize"),
    path("servers/<uuid:server_id>/rebuild", ServerRebuild.as_view(), name="server_rebuild"),
    path("servers/<uuid:server_id>/rescue", ServerRescue.as_view(), name="server_rescue"),
    path("servers/<uuid:server_id>/terminal", ServerTerminal.as_view(), name="server_terminal"),
    path("servers/<uuid:server_id>/terminal/token", ConsoleToken.as_view(), name="console_token"),
    path("servers/<uuid:server_id>/terminal/open", OpenConsole.as_view(), name="open_console"),
    path("console-recordings", ConsoleRecordings.as_view(), name="console_recordings"),
    path("console-recordings/on", SwitchRecording.as_view(), name="record_consoles"),
    path("console-recordings/off", SwitchRecording.as_view(on=False), name="stop_recording"),
    path(
        "console-recordings/<uuid:recording_id>",
        ConsoleRecordingPage.as_view(),
        name="console_recording",
    ),
    path(
        "console-recordings/<uuid:recording_id>/cast",
        ConsoleRecordingCast.as_view(),
        name="console_recording_cast",
    ),
    path("consoles/<slug:kind>", ConsoleWindow.as_view(), name="console_window"),
    path("servers/<uuid:server_id>/allow/<slug:kind>", AllowTraffic.as_view(), name="server_allow"),
    path(
        "servers/<uuid:server_id>/floating-ip",
        AttachFloatingIp.as_view(),
        name="attach_floating_ip",
    ),
    path(
        "servers/<uuid:server_id>/floating-ip/<uuid:floating_id>/detach",
        DetachFloatingIp.as_view(),
        name="detach_floating_ip",
    ),
    path(
        "servers/<uuid:server_id>/interfaces",
        AttachInterface.as_view(),
        name="attach_interface",
    ),
    path(
        "servers/<uuid:server_id>/interfaces/<uuid:port_id>/detach",
        DetachInterface.as_view(),
        name="detach_interface",
    ),
    path(
        "servers/<uuid:server_id>/volumes/<uuid:volume_id>/swap",
        SwapVolume.as_view(),
        name="swap_volume",
    ),
    path("servers/<uuid:server_id>/groups", AttachGroup.as_view(), name="attach_group"),
    path(
        "servers/<uuid:server_id>/groups/<uuid:group_id>/detach",
        DetachGroup.as_view(),
        name="detach_group",
    ),
    path(
        "servers/<uuid:server_id>/volumes/snapshot",
        SnapshotServer.as_view(),
        name="snapshot_server",
    ),
    path("servers/<uuid:server_id>/rename", RenameServer.as_view(), name="rename_server"),
    path("servers/<uuid:server_id>/<slug:action>", ServerAction.as_view(), name="server_action"),
    path("volumes", Volumes.as_view(), name="volumes"),
    path("volumes/new", NewVolume.as_view(), name="new_volume"),
    path("volumes/take", TakeVolume.as_view(), name="take_volume"),
    path("volumes/<uuid:volume_id>", VolumePage.as_view(), name="volume"),
    path("volumes/<uuid:volume_id>/grow", GrowVolume.as_view(), name="grow_volume"),
    path("volumes/<uuid:volume_id>/rename", RenameVolume.as_view(), name="rename_volume"),
    path("volumes/<uuid:volume_id>/offer", OfferVolume.as_view(), name="offer_volume"),
    path(
        "volumes/<uuid:volume_id>/offer/<uuid:transfer_id>/withdraw",
        WithdrawVolume.as_view(),
        name="withdraw_volume",
    ),
    path("volumes/<uuid:volume_id>/image", UploadVolume.as_view(), name="upload_volume"),
    path("volumes/<uuid:volume_id>/reimage", ReimageVolume.as_view(), name="reimage_volume"),
    path("volumes/<uuid:volume_id>/type", RetypeVolume.as_view(), name="retype_volume"),
    path("volumes/<uuid:volume_id>/attach", AttachVolume.as_view(), name="attach_volume"),
    path(
        "volumes/<uuid:volume_id>/servers/<uuid:server_id>/detach",
        DetachVolume.as_view(),
        name="detach_volume",
    ),
    path("volumes/<uuid:volume_id>/snapshots/new", TakeSnapshot.as_view(), name="take_snapshot"),
    path(
        "volumes/<uuid:volume_id>/snapshots/<uuid:snapshot_id>/revert",
        RevertVolume.as_view(),
        name="revert_volume",
    ),
    path(
        "volumes/<uuid:volume_id>/snapshots/<uuid:snapshot_id>/delete",
        DeleteSnapshot.as_view(),
        name="delete_snapshot",
    ),
    path("volumes/<uuid:volume_id>/backups/new", BackUpVolume.as_view(), name="back_up_volume"),
    path("volumes/<uuid:volume_id>/schedules/new", NewSchedule.as_view(), name="new_schedule"),
    path(
        "volumes/<uuid:volume_id>/schedules/<uuid:schedule_id>/edit",
        EditSchedule.as_view(),
        name="edit_schedule",
    ),
    path(
        "volumes/<uuid:volume_id>/schedules/<uuid:schedule_id>/pause",
        PauseSchedule.as_view(),
        name="pause_schedule",
    ),
    path(
        "volumes/<uuid:volume_id>/schedules/<uuid:schedule_id>/resume",
        ResumeSchedule.as_view(),
        name="resume_schedule",
    ),
    path(
        "volumes/<uuid:volume_id>/schedules/<uuid:schedule_id>/delete",
        DeleteSchedule.as_view(),
        name="delete_schedule",
    ),
    path("databases", Databases.as_view(), name="databases"),
    path("databases/launch", LaunchDatabase.as_view(), name="launch_database"),
    path("databases/backups", DatabaseBackups.as_view(), name="database_backups"),
    path("databases/settings", Configurations.as_view(), name="configurations"),
    path("databases/settings/new", NewConfiguration.as_view(), name="new_configuration"),
    path(
        "databases/settings/<uuid:configuration_id>",
        ConfigurationPage.as_view(),
        name="configuration",
    ),
    path(DATABASE, DatabaseOverview.as_view(), name="database"),
    path(f"{DATABASE}/authority.pem", DatabaseAuthority.as_view(), name="database_authority"),
    path(f"{DATABASE}/history", DatabaseHistory.as_view(), name="database_history"),
    path(f"{DATABASE}/contents", DatabaseContents.as_view(), name="database_contents"),
    path(f"{DATABASE}/contents/databases", NewContent.as_view(), name="new_content"),
    path(f"{DATABASE}/contents/users", NewDatabaseUser.as_view(), name="new_database_user"),
    path(f"{DATABASE}/contents/password", NewPassword.as_view(), name="new_database_password"),
    path(f"{DATABASE}/contents/root", EnableRoot.as_view(), name="enable_root"),
    path(f"{DATABASE}/contents/do/<slug:what>", ChangeContents.as_view(), name="change_contents"),
    path(f"{DATABASE}/backups", DatabaseOwnBackups.as_view(), name="database_own_backups"),
    path(f"{DATABASE}/backups/log", KeepDatabaseLog.as_view(), name="keep_database_log"),
    path(f"{DATABASE}/backups/new", BackUpDatabase.as_view(), name="back_up_database"),
    path(
        f"{DATABASE}/backups/<uuid:backup_id>/delete",
        DeleteDatabaseBackup.as_view(),
        name="delete_database_backup",
    ),
    path(
        f"{DATABASE}/backups/<uuid:backup_id>/prove",
        ProveDatabaseBackup.as_view(),
        name="prove_database_backup",
    ),
    path(f"{DATABASE}/schedules/new", NewDatabaseSchedule.as_view(), name="new_database_schedule"),
    path(
        f"{DATABASE_SCHEDULE}/edit", EditDatabaseSchedule.as_view(), name="edit_database_schedule"
    ),
    path(
        f"{DATABASE_SCHEDULE}/pause",
        PauseDatabaseSchedule.as_view(),
        name="pause_database_schedule",
    ),
    path(
        f"{DATABASE_SCHEDULE}/resume",
        ResumeDatabaseSchedule.as_view(),
        name="resume_database_schedule",
    ),
    path(
        f"{DATABASE_SCHEDULE}/delete",
        DeleteDatabaseSchedule.as_view(),
        name="delete_database_schedule",
    ),
    path(f"{DATABASE}/replicas", DatabaseReplicas.as_view(), name="database_replicas"),
    path(f"{DATABASE}/replicas/new", NewReplica.as_view(), name="new_replica"),
    path(f"{DATABASE}/replicas/failover", SetFailover.as_view(), name="set_failover"),
    path(f"{DATABASE}/settings", DatabaseSettings.as_view(), name="database_settings"),
    path(f"{DATABASE}/settings/choose", ConfigureDatabase.as_view(), name="configure_database"),
    path(f"{DATABASE}/size", DatabaseSize.as_view(), name="database_size"),
    path(f"{DATABASE}/size/flavor", ResizeDatabase.as_view(), name="resize_database"),
    path(f"{DATABASE}/size/volume", GrowDatabase.as_view(), name="grow_database"),
    path(f"{DATABASE}/logs", DatabaseLogs.as_view(), name="database_logs"),
    path(f"{DATABASE}/rename", RenameDatabase.as_view(), name="rename_database"),
    path(f"{DATABASE}/upgrade", UpgradeDatabase.as_view(), name="upgrade_database"),
    path(f"{DATABASE}/access", LetInDatabase.as_view(), name="let_in_database"),
    path(f"{DATABASE}/do/<slug:action>", DatabaseAction.as_view(), name="database_action"),
    path("server-groups", ServerGroups.as_view(), name="server_groups"),
    path("server-groups/new", NewServerGroup.as_view(), name="new_server_group"),
    path("volume-groups", VolumeGroups.as_view(), name="volume_groups"),
    path("volume-groups/new", NewVolumeGroup.as_view(), name="new_volume_group"),
    path(f"{VOLUME_GROUP}", VolumeGroupPage.as_view(), name="volume_group"),
    path(f"{VOLUME_GROUP}/edit", EditVolumeGroup.as_view(), name="edit_volume_group"),
    path(f"{VOLUME_GROUP}/volumes/new", AddVolume.as_view(), name="add_volume"),
    path(
        f"{VOLUME_GROUP}/volumes/<uuid:volume_id>/remove",
        RemoveVolume.as_view(),
        name="remove_volume",
    ),
    path(
        f"{VOLUME_GROUP}/snapshots/new",
        SnapshotVolumeGroup.as_view(),
        name="snapshot_volume_group",
    ),
    path(
        f"{VOLUME_GROUP}/snapshots/<uuid:snapshot_id>/restore",
        RestoreGroupSnapshot.as_view(),
        name="restore_group_snapshot",
    ),
    path(
        f"{VOLUME_GROUP}/snapshots/<uuid:snapshot_id>/delete",
        DeleteGroupSnapshot.as_view(),
        name="delete_group_snapshot",
    ),
    path(f"{VOLUME_GROUP}/copy", CopyVolumeGroup.as_view(), name="copy_volume_group"),
    path(f"{VOLUME_GROUP}/delete", DeleteVolumeGroup.as_view(), name="delete_volume_group"),
    path("backups", Backups.as_view(), name="backups"),
    path("backups/<uuid:backup_id>", BackupPage.as_view(), name="backup"),
    path("backups/<uuid:backup_id>/rename", RenameBackup.as_view(), name="rename_backup"),
    path("backups/<uuid:backup_id>/restore", RestoreBackup.as_view(), name="restore_backup"),
    path("backups/<uuid:backup_id>/prove", ProveBackup.as_view(), name="prove_backup"),
    path("backups/<uuid:backup_id>/delete", DeleteBackup.as_view(), name="delete_backup"),
    path("volumes/<uuid:volume_id>/delete", DeleteVolume.as_view(), name="delete_volume"),
    path("images", Images.as_view(), name="images"),
    path("images/import", ImportImage.as_view(), name="import_image"),
    path("images/new", NewImage.as_view(), name="new_image"),
    path("images/<uuid:image_id>", ImageDetail.as_view(), name="image"),
    path("images/<uuid:image_id>/live", ImageLive.as_view(), name="image_live"),
    path("images/<uuid:image_id>/data", ImageData.as_view(), name="image_data"),
    path("images/<uuid:image_id>/words", ImageWords.as_view(), name="image_words"),
    path("images/<uuid:image_id>/members", ImageMembers.as_view(), name="image_members"),
    path(
        "images/<uuid:image_id>/members/<str:member_id>/remove",
        RemoveMember.as_view(),
        name="remove_member",
    ),
    path("images/<uuid:image_id>/answer/<str:status>", AnswerShare.as_view(), name="answer_share"),
    path(
        "images/<uuid:image_id>/withhold/<str:action>",
        WithholdImage.as_view(),
        name="withhold_image",
    ),
    path("images/<uuid:image_id>/delete", DeleteImage.as_view(), name="delete_image"),
    path("networks", Networks.as_view(), name="networks"),
    path("networks/new", NewNetwork.as_view(), name="new_network"),
    path("networks/picture", NetworkPicture.as_view(), name="network_picture"),
    path("networks/private", PrivateNetwork.as_view(), name="private_network"),
    path("networks/<uuid:network_id>", NetworkPage.as_view(), name="network"),
    path("networks/<uuid:network_id>/edit", EditNetwork.as_view(), name="edit_network"),
    path("networks/<uuid:network_id>/delete", DeleteNetwork.as_view(), name="delete_network"),
    path("networks/<uuid:network_id>/subnets/new", AddSubnet.as_view(), name="add_subnet"),
    path(
        "networks/<uuid:network_id>/subnets/<uuid:subnet_id>/delete",
        DeleteSubnet.as_view(),
        name="delete_subnet",
    ),
    path("networks/<uuid:network_id>/share", ShareNetwork.as_view(), name="share_network"),
    path(
        "networks/<uuid:network_id>/share/<uuid:policy_id>/end",
        EndSharing.as_view(),
        name="end_sharing",
    ),
    path("routers", Routers.as_view(), name="routers"),
    path("routers/new", NewRouter.as_view(), name="new_router"),
    path("routers/join", JoinNetwork.as_view(), name="join_network"),
    path("routers/<uuid:router_id>", RouterPage.as_view(), name="router"),
    path("routers/<uuid:router_id>/edit", EditRouter.as_view(), name="edit_router"),
    path("routers/<uuid:router_id>/delete", DeleteRouter.as_view(), name="delete_router"),
    path("routers/<uuid:router_id>/gateway", SetGateway.as_view(), name="set_gateway"),
    path("routers/<uuid:router_id>/interfaces/new", AddInterface.as_view(), name="add_interface"),
    path(
        "routers/<uuid:router_id>/interfaces/<uuid:port_id>/remove",
        RemoveInterface.as_view(),
        name="remove_interface",
    ),
    path("routers/<uuid:router_id>/routes/new", AddRoute.as_view(), name="add_route"),
    path("routers/<uuid:router_id>/routes/remove", RemoveRoute.as_view(), name="remove_route"),
    path("floating-ips", FloatingIps.as_view(), name="floating_ips"),
    path("floating-ips/new", NewFloatingIp.as_view(), name="new_floating_ip"),
    path("floating-ips/lead", LeadFloatingIp.as_view(), name="lead_floating_ip"),
    path("security-groups", SecurityGroups.as_view(), name="security_groups"),
    path("security-groups/new", NewGroup.as_view(), name="new_group"),
    path("security-groups/<uuid:group_id>", SecurityGroupPage.as_view(), name="security_group"),
    path("security-groups/<uuid:group_id>/rules/new", NewRule.as_view(), name="new_rule"),
    path("security-groups/<uuid:group_id>/edit", EditGroup.as_view(), name="edit_group"),
    path("key-pairs", KeyPairs.as_view(), name="key_pairs"),
    path("key-pairs/new", GenerateKey.as_view(), name="generate_key"),
    path("key-pairs/import", ImportKey.as_view(), name="import_key"),
    path("usage", Usage.as_view(), name="usage"),
    path("activity", Activity.as_view(), name="activity"),
    path("account", Account.as_view(), name="account"),
    path("account/api", ApiAccess.as_view(), name="api_access"),
    path("account/clouds.yaml", CloudsYaml.as_view(), name="clouds_yaml"),
    path("account/openrc", OpenRc.as_view(), name="openrc"),
    path("account/second-factor", SecondFactor.as_view(), name="second_factor"),
    path("account/second-factor/begin", BeginSecondFactor.as_view(), name="begin_second_factor"),
    path("account/second-factor/new", NewSecondFactor.as_view(), name="new_second_factor"),
    path("account/second-factor/codes", RenewCodes.as_view(), name="renew_codes"),
    path(
        "account/second-factor/<str:device_id>/remove",
        RemoveSecondFactor.as_view(),
        name="remove_second_factor",
    ),
    path(
        "account/application-credentials",
        ApplicationCredentials.as_view(),
        name="application_credentials",
    ),
    path(
        "account/application-credentials/new",
        NewApplicationCredential.as_view(),
        name="new_application_credential",
    ),
    path("members", Members.as_view(), name="members"),
    path("members/add", AddMember.as_view(), name="add_member"),
    path("members/<str:user_id>/role", ChangeMember.as_view(), name="change_member"),
]
