namespace BigFs.Cli.Roles;

/// <summary>The roles by their names on the command line.</summary>
internal static class RoleNames
{
    public const string NameServer = "name-server";
    public const string DataNode = "datanode";

    /// <summary>All of them.</summary>
    public static readonly string[] All = [NameServer, "metadata-server", "node-manager", "file-server", DataNode];
}
