using System.Text;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// The paths that a statement resolves together, as a tree, so that what they share is looked up once. Nodes are numbered
/// by their adding: each after the one above it.
/// </summary>
internal sealed class PathTrie
{
    private readonly Dictionary<(int Up, long Start, string Name), int> _numbers = [];
    private readonly List<int> _numbersInOrder = [], _up = [];
    private readonly List<long> _start = [];
    private readonly List<byte[]> _bytes = [];
    private readonly List<string> _names = [];

    /// <summary>How many nodes there are.</summary>
    public int Count => _up.Count;

    /// <summary>The node above, -1 for one that hangs below a directory whose id is known.</summary>
    public int Up(int node) => _up[node];

    /// <summary>The id of the directory that a node without one above hangs below.</summary>
    public long Start(int node) => _start[node];

    /// <summary>A node's name.</summary>
    public string Name(int node) => _names[node];

    /// <summary>The four columns of the nodes.</summary>
    public (int[] Number, int[] Up, long[] Start, byte[][] Name) Columns => ([.. _numbersInOrder], [.. _up], [.. _start], [.. _bytes]);

    /// <summary>Adds a path; its last node, of the root the root's own row.</summary>
    public int Add(BigFsPath path)
    {
        if (path.IsRoot)
        {
            return Add(PostgresSchema.AboveRoot, "");
        }

        int node = -1;
        foreach (string name in path.Segments)
        {
            node = Add(node, node < 0 ? PostgresSchema.RootId : 0, name);
        }

        return node;
    }

    /// <summary>Adds a name in a directory whose id is known.</summary>
    public int Add(long parent, string name) => Add(-1, parent, name);

    /// <summary>Adds a name below another node.</summary>
    public int AddBelow(int up, string name) => Add(up, 0, name);

    private int Add(int up, long start, string name)
    {
        if (_numbers.TryGetValue((up, start, name), out int known))
        {
            return known;
        }

        int number = _up.Count;
        _numbers.Add((up, start, name), number);
        _numbersInOrder.Add(number);
        _up.Add(up);
        _start.Add(start);
        _names.Add(name);
        _bytes.Add(Encoding.UTF8.GetBytes(name));
        return number;
    }
}
