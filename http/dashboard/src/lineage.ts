// The versions of a workload as a tree. A line runs on at the same depth, however
// long it is; only what branches off it, after a rollback, is further in.
import type { Version } from './types';

export interface LineageNode {
  version: Version;
  cut: boolean; // it descends from one that is not among those given
  branches: LineageNode[][]; // lines that begin here, beside the one that goes on
}

// Numbers of versions by the number of a version: what it descends from.
type Parents = Map<number, number>;

// What its session began with is written down of each; that was a published one.
function parentsOf(versions: Version[]): Parents {
  const parents: Parents = new Map();
  for (const { version, provenance } of versions) {
    const base = provenance.base_version;
    if (typeof base === 'number') parents.set(version, base);
  }
  return parents;
}

function childrenOf(versions: Version[], parents: Parents): Map<number, Version[]> {
  const children = new Map<number, Version[]>();
  for (const version of versions) {
    const parent = parents.get(version.version);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), version]);
  }
  return children;
}

// For each version the newest that descends from it; one that leads to the
// current version comes before all others.
function weightsOf(versions: Version[], parents: Parents): Map<number, number> {
  const weights = new Map<number, number>();
  const newestFirst = [...versions].sort((a, b) => b.version - a.version);
  for (const { version, current } of newestFirst) {
    const own = Math.max(weights.get(version) ?? 0, current ? Infinity : version);
    weights.set(version, own);
    const parent = parents.get(version);
    if (parent !== undefined) weights.set(parent, Math.max(weights.get(parent) ?? 0, own));
  }
  return weights;
}

// The lines that begin with an import, or with what is left of one that was cut; oldest first.
export function lineageOf(versions: Version[]): LineageNode[][] {
  const older = new Map([...parentsOf(versions)].filter(([version, parent]) => parent < version)); // whatever comes, no ring
  const known = new Set(versions.map((version) => version.version));
  const children = childrenOf(versions, older);
  const weights = weightsOf(versions, older);
  const weight = (version: Version): number => weights.get(version.version)!;

  const lineFrom = (first: Version): LineageNode[] => {
    const line: LineageNode[] = [];
    for (let version: Version | undefined = first; version; ) {
      const [next, ...others]: Version[] = (children.get(version.version) ?? []).sort((a, b) => weight(b) - weight(a) || b.version - a.version);
      others.sort((a, b) => a.version - b.version);
      const parent = older.get(version.version);
      line.push({ version, cut: parent !== undefined && !known.has(parent), branches: others.map(lineFrom) });
      version = next;
    }
    return line;
  };
  return versions
    .filter((version) => !known.has(older.get(version.version) ?? -1))
    .sort((a, b) => a.version - b.version)
    .map(lineFrom);
}
