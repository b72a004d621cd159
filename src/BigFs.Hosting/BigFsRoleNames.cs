namespace BigFs.Hosting;

/// <summary>The roles' names, as <see cref="BigFsRoleHostOptions.Roles"/> and the command line take them.</summary>
public static class BigFsRoleNames
{
    /// <summary>Who serves what, and where.</summary>
    public const string NameServer = "name-server";

    /// <summary>Directories, files and their manifests.</summary>
    public const string MetadataServer = "metadata-server";

    /// <summary>The datanodes' liveness and the volume map.</summary>
    public const string NodeManager = "node-manager";

    /// <summary>Grants chunks and answers where things are.</summary>
    public const string FileServer = "file-server";

    /// <summary>Keeps the chunks.</summary>
    public const string DataNode = "datanode";

    /// <summary>The one door for applications outside; needs the package BigFs.Hosting.Gateway.</summary>
    public const string Gateway = "gateway";

    /// <summary>All of them. A cluster needs one of each but the gateway.</summary>
    public static IReadOnlyList<string> All { get; } = [NameServer, MetadataServer, NodeManager, FileServer, DataNode, Gateway];
}
