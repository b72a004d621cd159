using BigFs.Core.Metadata;

namespace BigFs.Hosting.Persistence;

/// <summary>Pages of a directory, or of all below it, on one state of the database.</summary>
internal static class SqliteListing
{
    /// <summary><see cref="IMetadataStore.ListAsync"/>.</summary>
    public static MetadataPage Page(SqliteEntryReader reader, MetadataListRequest request)
    {
        BigFsPath path = request.Directory;
        long directory = RequireDirectory(reader, path);
        var page = new MetadataPageBuilder(request);
        if (request.Recursive)
        {
            SqliteTreeWalk.Run(
                reader,
                directory,
                request.Prefix,
                request.After,
                (row, relative) => page.TryAdd(Entry(row, path, relative), relative, row.Notes?.Length ?? 0));
        }
        else
        {
            AddNames(reader, request, directory, page);
        }

        return page.Build();
    }

    /// <summary>The id of a directory.</summary>
    /// <exception cref="BigFsException">NotFound, NotDirectory.</exception>
    public static long RequireDirectory(SqliteEntryReader reader, BigFsPath path)
    {
        SqliteResolved found = reader.Resolve(path, withManifest: false);
        if (found.FileAbove is { } file)
        {
            throw MetadataErrors.NotDirectory(path, file);
        }

        SqliteEntryRow directory = found.Entry ?? throw MetadataErrors.NotFound(path);
        return directory.Id ?? throw MetadataErrors.NotDirectory(path, path);
    }

    // One more than asked for tells whether there is a next page. Pages that their bytes end are read in parts, so that no
    // more is read than goes out.
    private static void AddNames(
        SqliteEntryReader reader, MetadataListRequest request, long directory, MetadataPageBuilder page)
    {
        const int part = 1000;
        string after = request.After;
        while (true)
        {
            int wanted = Math.Min(part, request.Limit - page.Count) + 1;
            List<SqliteEntryRow> rows = reader.List(directory, after, request.Prefix, wanted);
            foreach (SqliteEntryRow row in rows)
            {
                if (!page.TryAdd(Entry(row, request.Directory, row.Name), row.Name, row.Notes?.Length ?? 0))
                {
                    return;
                }
            }

            if (rows.Count < wanted)
            {
                return;
            }

            after = rows[^1].Name;
        }
    }

    private static BigFsEntry Entry(SqliteEntryRow row, BigFsPath directory, string relative)
    {
        try
        {
            return row.ToEntry(directory.Append(relative));
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.InvalidPath)
        {
            throw MetadataErrors.TooDeep(directory, relative, exception);
        }
    }
}
