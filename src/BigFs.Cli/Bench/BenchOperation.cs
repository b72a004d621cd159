namespace BigFs.Cli.Bench;

/// <summary>What a measurement does.</summary>
internal enum BenchOperation
{
    /// <summary>Uploads files.</summary>
    Put,

    /// <summary>Downloads the files of a put.</summary>
    Get,

    /// <summary>Makes empty files.</summary>
    Create,

    /// <summary>Finds the files of a create or put.</summary>
    Stat,

    /// <summary>Lists their directory.</summary>
    List,

    /// <summary>Deletes them, one by one.</summary>
    Delete,
}
