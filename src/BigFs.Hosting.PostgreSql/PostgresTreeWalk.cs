using Npgsql;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// Walks what lies below a directory in the order of paths, each directory right before what it holds, from any place on:
/// one look-up a level finds the place again, whatever was made or removed meanwhile.
/// </summary>
internal static class PostgresTreeWalk
{
    // Rows read at once; what a walk holds is at most so many for each level.
    private const int Batch = 256;

    /// <summary>Visits entries until the visitor says no.</summary>
    /// <param name="connection">Reads one state of the database.</param>
    /// <param name="directory">The directory's id.</param>
    /// <param name="prefix">Only names in the directory itself that start with this.</param>
    /// <param name="after">Where to go on, relative to the directory; empty for the start.</param>
    /// <param name="visit">Gets an entry's row and its path relative to the directory; false ends the walk.</param>
    /// <param name="cancellationToken">Ends the walk.</param>
    /// <returns>Whether all was visited.</returns>
    public static async Task<bool> RunAsync(
        NpgsqlConnection connection,
        long directory,
        string prefix,
        string after,
        Func<PostgresEntryRow, string, bool> visit,
        CancellationToken cancellationToken)
    {
        Stack<Level> levels = await FindPlaceAsync(connection, new Level(directory, "", prefix), after, cancellationToken)
            .ConfigureAwait(false);
        while (levels.TryPeek(out Level? current))
        {
            if (await current.NextAsync(connection, cancellationToken).ConfigureAwait(false) is not { } row)
            {
                levels.Pop();
                continue;
            }

            string path = current.Path + row.Name;
            if (!visit(row, path))
            {
                return false;
            }

            if (row.Id is { } below)
            {
                levels.Push(new Level(below, path + "/", ""));
            }
        }

        return true;
    }

    /// <summary>The directories down to the place, each going on after the name that leads there.</summary>
    private static async Task<Stack<Level>> FindPlaceAsync(
        NpgsqlConnection connection, Level level, string after, CancellationToken cancellationToken)
    {
        var levels = new Stack<Level>([level]);
        if (after.Length == 0)
        {
            return levels;
        }

        string[] names = after.Split('/');
        PostgresEntryRow?[] found = await PathAsync(connection, level.Directory, names, cancellationToken).ConfigureAwait(false);
        for (int depth = 0; depth < names.Length; depth++)
        {
            level.After = names[depth];
            bool within = level.Prefix.Length == 0 || names[depth].StartsWith(level.Prefix, StringComparison.Ordinal);
            if (!within || found[depth]?.Id is not { } id)
            {
                break;
            }

            level = new Level(id, level.Path + names[depth] + "/", "");
            levels.Push(level);
        }

        return levels;
    }

    private static async Task<PostgresEntryRow?[]> PathAsync(
        NpgsqlConnection connection, long directory, string[] names, CancellationToken cancellationToken)
    {
        var trie = new PathTrie();
        int node = -1;
        foreach (string name in names)
        {
            node = node < 0 ? trie.Add(directory, name) : trie.AddBelow(node, name);
        }

        var found = new PostgresEntryRow?[trie.Count];
        foreach ((int number, PostgresEntryRow row) in await connection.ReadAsync(
            PostgresCommands.Resolve(trie),
            row => (row.GetInt32(0), PostgresCommands.Row(row, withManifest: false)),
            cancellationToken).ConfigureAwait(false))
        {
            found[number] = row;
        }

        return found;
    }

    /// <summary>A directory on the way down: what of it was read and not visited yet.</summary>
    private sealed class Level(long directory, string path, string prefix)
    {
        private List<PostgresEntryRow> _rows = [];
        private int _next;
        private bool _end;

        public long Directory => directory;

        /// <summary>The directory's own path and a slash; empty for the first.</summary>
        public string Path => path;

        public string Prefix => prefix;

        /// <summary>The last name that was visited.</summary>
        public string After { get; set; } = "";

        public async ValueTask<PostgresEntryRow?> NextAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
        {
            if (_next == _rows.Count)
            {
                if (_end)
                {
                    return null;
                }

                _rows = await connection.ReadAsync(
                    PostgresCommands.List(directory, After, prefix, Batch),
                    row => PostgresCommands.Row(row, withManifest: false),
                    cancellationToken).ConfigureAwait(false);
                (_next, _end) = (0, _rows.Count < Batch);
                if (_rows.Count == 0)
                {
                    return null;
                }
            }

            PostgresEntryRow row = _rows[_next++];
            After = row.Name;
            return row;
        }
    }
}
