using BigFs.Core.Metadata;
using Npgsql;

namespace BigFs.Hosting.PostgreSql;

/// <summary>Pages of a directory, or of all below it, on one state of the database.</summary>
internal static class PostgresListing
{
    /// <summary><see cref="IMetadataStore.ListAsync"/>.</summary>
    public static async Task<MetadataPage> PageAsync(
        NpgsqlConnection connection, MetadataListRequest request, CancellationToken cancellationToken)
    {
        long directory = await RequireDirectoryAsync(connection, request.Directory, cancellationToken).ConfigureAwait(false);
        var page = new MetadataPageBuilder(request);
        if (request.Recursive)
        {
            await PostgresTreeWalk.RunAsync(
                connection,
                directory,
                request.Prefix,
                request.After,
                (row, relative) => page.TryAdd(Entry(row, request.Directory, relative), relative, row.Notes?.Length ?? 0),
                cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await AddNamesAsync(connection, request, directory, page, cancellationToken).ConfigureAwait(false);
        }

        return page.Build();
    }

    // One more than asked for tells whether there is a next page. Pages that their bytes end are read in parts, so that no
    // more is read than goes out.
    private static async Task AddNamesAsync(
        NpgsqlConnection connection,
        MetadataListRequest request,
        long directory,
        MetadataPageBuilder page,
        CancellationToken cancellationToken)
    {
        const int part = 1000;
        string after = request.After;
        while (true)
        {
            int wanted = Math.Min(part, request.Limit - page.Count) + 1;
            List<PostgresEntryRow> rows = await connection.ReadAsync(
                PostgresCommands.List(directory, after, request.Prefix, wanted),
                row => PostgresCommands.Row(row, withManifest: false),
                cancellationToken).ConfigureAwait(false);
            foreach (PostgresEntryRow row in rows)
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

    private static async Task<long> RequireDirectoryAsync(
        NpgsqlConnection connection, BigFsPath path, CancellationToken cancellationToken)
    {
        var trie = new PathTrie();
        int node = trie.Add(path);
        var found = new PostgresEntryRow?[trie.Count];
        foreach ((int number, PostgresEntryRow row) in await connection.ReadAsync(
            PostgresCommands.Resolve(trie),
            row => (row.GetInt32(0), PostgresCommands.Row(row, withManifest: false)),
            cancellationToken).ConfigureAwait(false))
        {
            found[number] = row;
        }

        if (found[node] is { } there)
        {
            return there.Id ?? throw MetadataErrors.NotDirectory(path, path);
        }

        // A file above it stands in the way; else nothing is there.
        BigFsPath above = path;
        for (int up = trie.Up(node); up >= 0; up = trie.Up(up))
        {
            above = above.Parent;
            if (found[up] is { IsDirectory: false })
            {
                throw MetadataErrors.NotDirectory(path, above);
            }
        }

        throw MetadataErrors.NotFound(path);
    }

    private static BigFsEntry Entry(PostgresEntryRow row, BigFsPath directory, string relative)
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
