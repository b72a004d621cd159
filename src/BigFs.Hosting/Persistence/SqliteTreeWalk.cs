using BigFs.Core.Metadata;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// Walks what lies below a directory in the order of paths, each directory right before what it holds, from any place on:
/// one look-up a level finds the place again, whatever was made or removed meanwhile.
/// </summary>
internal static class SqliteTreeWalk
{
    // Rows read at once; what a walk holds is at most so many for each level.
    private const int Batch = 128;

    /// <summary>Visits entries until the visitor says no.</summary>
    /// <param name="reader">Reads one state of the database.</param>
    /// <param name="directory">The directory's id.</param>
    /// <param name="prefix">Only names in the directory itself that start with this.</param>
    /// <param name="after">Where to go on, relative to the directory; empty for the start.</param>
    /// <param name="visit">Gets an entry's row and its path relative to the directory; false ends the walk.</param>
    /// <returns>Whether all was visited.</returns>
    public static bool Run(
        SqliteEntryReader reader, long directory, string prefix, string after, Func<SqliteEntryRow, string, bool> visit)
    {
        var levels = new Stack<Level>();
        var level = new Level(directory, "", prefix);
        foreach (string name in after.Length == 0 ? [] : after.Split('/'))
        {
            level.After = name;
            levels.Push(level);
            bool within = level.Prefix.Length == 0 || name.StartsWith(level.Prefix, StringComparison.Ordinal);
            if (!within || reader.Step(level.Directory, name, out long id) != SqliteEntryReader.Found.Directory)
            {
                break;
            }

            level = new Level(id, level.Path + name + "/", "");
        }

        if (levels.Count == 0 || level != levels.Peek())
        {
            levels.Push(level);
        }

        while (levels.TryPeek(out Level? current))
        {
            if (current.Next(reader) is not { } row)
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

    /// <summary>A directory on the way down: what of it was read and not visited yet.</summary>
    private sealed class Level(long directory, string path, string prefix)
    {
        private List<SqliteEntryRow> _rows = [];
        private int _next;
        private bool _end;

        public long Directory => directory;

        /// <summary>The directory's own path and a slash; empty for the first.</summary>
        public string Path => path;

        public string Prefix => prefix;

        /// <summary>The last name that was visited.</summary>
        public string After { get; set; } = "";

        public SqliteEntryRow? Next(SqliteEntryReader reader)
        {
            if (_next == _rows.Count)
            {
                if (_end)
                {
                    return null;
                }

                _rows = reader.List(directory, After, prefix, Batch);
                (_next, _end) = (0, _rows.Count < Batch);
                if (_rows.Count == 0)
                {
                    return null;
                }
            }

            SqliteEntryRow row = _rows[_next++];
            After = row.Name;
            return row;
        }
    }
}
