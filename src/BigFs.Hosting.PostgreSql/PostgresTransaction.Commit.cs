using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

internal sealed partial class PostgresTransaction
{
    /// <summary>
    /// Sends all changes and the commit in one round trip. When this throws after the connection broke, whether the
    /// transaction was committed is unknown: its operations find out by their records.
    /// </summary>
    public async Task CommitAsync(CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(_connection);
        NpgsqlBatchCommandCollection commands = batch.BatchCommands;
        WriteEntries(commands);
        WriteManifests(commands);
        WriteOwners(commands);
        WriteDead(commands);
        WriteSessions(commands);
        WriteOperations(commands);
        if (_writer != _stored)
        {
            commands.Add(new NpgsqlBatchCommand(
                "UPDATE writer SET stamp = $1, incarnation = $2, cluster = $3, generation = $4, paused = $5 WHERE one")
                .With(NpgsqlDbType.Bigint, _writer.Stamp)
                .With(NpgsqlDbType.Bigint, _writer.Incarnation)
                .With(NpgsqlDbType.Uuid, (object?)_writer.Identity.Cluster ?? DBNull.Value)
                .With(NpgsqlDbType.Bigint, _writer.Identity.Generation)
                .With(NpgsqlDbType.Boolean, _writer.Identity.IsCollectionPaused));
        }

        commands.Add(new NpgsqlBatchCommand("COMMIT"));
        await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private void WriteEntries(NpgsqlBatchCommandCollection commands)
    {
        var gone = new List<(long Parent, string Name)>();
        var put = new List<PostgresEntryRow>();
        foreach ((long parent, Dictionary<string, KnownEntry> known) in _entries)
        {
            foreach ((string name, KnownEntry entry) in known)
            {
                if (ReferenceEquals(entry.Stored, entry.Row))
                {
                    continue;
                }

                // The place of a directory that went elsewhere is cleared first: no id stands twice for a moment.
                if (entry.Stored is { } stored && (entry.Row is null || stored.Id is not null))
                {
                    gone.Add((parent, name));
                }

                if (entry.Row is not null)
                {
                    put.Add(entry.Row);
                }
            }
        }

        if (gone.Count > 0)
        {
            commands.Add(new NpgsqlBatchCommand(
                "DELETE FROM entries e USING unnest($1::bigint[], $2::bytea[]) AS g (parent, name) "
                    + "WHERE e.parent = g.parent AND e.name = g.name")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, gone.ConvertAll(one => one.Parent))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, gone.ConvertAll(one => Encoding.UTF8.GetBytes(one.Name))));
        }

        if (put.Count > 0)
        {
            commands.Add(PutEntries(put));
        }
    }

    private static NpgsqlBatchCommand PutEntries(List<PostgresEntryRow> rows) =>
        new NpgsqlBatchCommand(
            "INSERT INTO entries (parent, name, id, created, modified, version, size, crc, replicas, notes, chunks, manifest, content) "
                + "SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], "
                + "$7::bigint[], $8::bigint[], $9::int[], $10::bytea[], $11::int[], $12::bytea[], $13::boolean[]) "
                + "ON CONFLICT (parent, name) DO UPDATE SET id = excluded.id, created = excluded.created, "
                + "modified = excluded.modified, version = excluded.version, size = excluded.size, crc = excluded.crc, "
                + "replicas = excluded.replicas, notes = excluded.notes, chunks = excluded.chunks, manifest = excluded.manifest, content = excluded.content")
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.Parent))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, rows.ConvertAll(row => Encoding.UTF8.GetBytes(row.Name)))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.Id))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.Created))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.Modified))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.IsDirectory ? default(long?) : row.Version))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.IsDirectory ? default(long?) : row.Size))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.IsDirectory ? default(long?) : row.Crc))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, rows.ConvertAll(row => row.IsDirectory ? default(int?) : row.Replicas))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, rows.ConvertAll(row => row.Notes))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, rows.ConvertAll(row => row.Chunks))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, rows.ConvertAll(row => row.Manifest))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Boolean, rows.ConvertAll(row => row.Content));

    private void WriteManifests(NpgsqlBatchCommandCollection commands)
    {
        if (_pages.Count > 0)
        {
            commands.Add(new NpgsqlBatchCommand(
                "INSERT INTO manifest_pages (version, page, chunks) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _pages.ConvertAll(page => page.Version))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _pages.ConvertAll(page => page.Page))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, _pages.ConvertAll(page => page.Chunks)));
        }

        if (_contents.Count > 0)
        {
            commands.Add(new NpgsqlBatchCommand("INSERT INTO contents (version, bytes) SELECT * FROM unnest($1::bigint[], $2::bytea[])")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _contents.ConvertAll(one => one.Version))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, _contents.ConvertAll(one => one.Bytes)));
        }

        if (_goneContents.Count > 0)
        {
            commands.Add(new NpgsqlBatchCommand("DELETE FROM contents WHERE version = ANY ($1)")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _goneContents));
        }

    }

    private void WriteDead(NpgsqlBatchCommandCollection commands)
    {
        if (_deadVersions.Count > 0)
        {
            commands.Add(new NpgsqlBatchCommand(
                "INSERT INTO dead_versions (version, due, chunks, manifest) "
                    + "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::bytea[])")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _deadVersions.ConvertAll(one => one.Version))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _deadVersions.ConvertAll(one => one.Due))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, _deadVersions.ConvertAll(one => one.Chunks))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, _deadVersions.ConvertAll(one => one.Manifest)));
        }

        if (_deadDirectories.Count > 0)
        {
            commands.Add(new NpgsqlBatchCommand(
                "INSERT INTO dead_directories (id, due, job) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[])")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _deadDirectories.ConvertAll(one => one.Id))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _deadDirectories.ConvertAll(one => one.Due))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Uuid, _deadDirectories.ConvertAll(one => one.Job)));
        }

        foreach (PostgresJob job in _newJobs)
        {
            commands.Add(PostgresJobs.Insert(job));
        }

        if (_tombstones.Count > 0)
        {
            commands.Add(new NpgsqlBatchCommand(
                "INSERT INTO tombstones (due, volume, key) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _tombstones.ConvertAll(one => one.Due))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _tombstones.ConvertAll(one => one.Volume))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, _tombstones.ConvertAll(one => one.Key)));
        }
    }

    private static void AddPairs(NpgsqlBatchCommandCollection commands, string table, List<(long, long)> pairs)
    {
        if (pairs.Count > 0)
        {
            commands.Add(new NpgsqlBatchCommand($"INSERT INTO {table} SELECT * FROM unnest($1::bigint[], $2::bigint[])")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, pairs.ConvertAll(pair => pair.Item1))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, pairs.ConvertAll(pair => pair.Item2)));
        }
    }

    private void WriteSessions(NpgsqlBatchCommandCollection commands)
    {
        if (_changedSessions.Count == 0)
        {
            return;
        }

        List<PostgresSession> rows = [.. _changedSessions.Select(id => _sessions[id]!)];
        commands.Add(new NpgsqlBatchCommand(
            $"INSERT INTO sessions ({SessionColumns}) SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::bigint[], "
                + "$5::bytea[], $6::int[], $7::bigint[], $8::int[], $9::bytea[], $10::uuid[], $11::bigint[], $12::bigint[], "
                + "$13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::int[], $18::bigint[]) ON CONFLICT (id) DO UPDATE SET state = excluded.state, "
                + "expires = excluded.expires, keep_until = excluded.keep_until, operation = excluded.operation, "
                + "created = excluded.created, modified = excluded.modified, version = excluded.version, size = excluded.size, "
                + "crc = excluded.crc, staged_version = excluded.staged_version, staged = excluded.staged, "
                + "staged_bytes = excluded.staged_bytes")
            .With(NpgsqlDbType.Array | NpgsqlDbType.Uuid, rows.ConvertAll(row => row.Id))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, rows.ConvertAll(row => (int)row.State))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.Expires))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.KeepUntil))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, rows.ConvertAll(row => Encoding.UTF8.GetBytes(row.Path?.ToString() ?? "")))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, rows.ConvertAll(row => (int)row.Precondition.Kind))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => (long)row.Precondition.Version.Value))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, rows.ConvertAll(row => row.Replicas))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, rows.ConvertAll(row => row.Notes))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Uuid, rows.ConvertAll(row => row.Operation))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.Created))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.Modified))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.Version))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.Size))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => (long)row.Crc))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.StagedVersion))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, rows.ConvertAll(row => row.Staged))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.StagedBytes)));
    }

    private void WriteOperations(NpgsqlBatchCommandCollection commands)
    {
        if (_newOperations.Count == 0)
        {
            return;
        }

        List<PostgresOperation> rows = [.. _newOperations.Select(id => _operations[id]!)];
        commands.Add(new NpgsqlBatchCommand(
            "INSERT INTO operations (id, kind, keep_until, answer) SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::bytea[])")
            .With(NpgsqlDbType.Array | NpgsqlDbType.Uuid, rows.ConvertAll(row => row.Id))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, rows.ConvertAll(row => (int)row.Kind))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(row => row.KeepUntil))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, rows.ConvertAll(row => row.Answer)));
    }
}
