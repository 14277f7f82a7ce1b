/** Where each session of a tree stands in its drawing: generations from left to right, siblings below each other. */

// Beyond, a parent would stand off the screen of whoever looks at its first children, and move as more come.
const CHILDREN_IN_SIGHT = 9;

export const NODE = { width: 186, height: 44, gapX: 56, gapY: 12 };

/**
 * Places the nodes; a parent stands at the middle of its first children.
 * @param {{session_id: string, parent_session_id: string|null}[]} sessions  oldest first
 */
export function layOut(sessions) {
  const known = new Set(sessions.map((session) => session.session_id));
  const children = new Map();
  const roots = [];
  for (const session of sessions) {
    const parent = session.parent_session_id;
    if (!parent || !known.has(parent)) roots.push(session);
    else if (children.has(parent)) children.get(parent).push(session);
    else children.set(parent, [session]);
  }
  const nodes = [];
  const edges = [];
  let lane = 0;

  function place(session, depth) {
    const below = (children.get(session.session_id) ?? []).map((child) => place(child, depth + 1));
    const y = below.length ? (below[0].y + below[Math.min(below.length, CHILDREN_IN_SIGHT) - 1].y) / 2 : (lane += 1) - 1;
    const node = { session, depth, x: depth * (NODE.width + NODE.gapX), y, top: y * (NODE.height + NODE.gapY) };
    for (const child of below) edges.push({ from: node, to: child });
    nodes.push(node);
    return node;
  }

  roots.forEach((root) => place(root, 0));
  const depth = nodes.reduce((deepest, node) => Math.max(deepest, node.depth), 0);
  return {
    nodes,
    edges,
    width: (depth + 1) * (NODE.width + NODE.gapX) - NODE.gapX,
    height: Math.max(1, lane) * (NODE.height + NODE.gapY) - NODE.gapY,
  };
}
