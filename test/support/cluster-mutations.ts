// Role: faults to plant in good plans whose policy caps the moves that touch a cluster.
import { seconds } from '../../src/domain/units.ts';
import { type Mutator, type Scene, places } from './mutation-scene.ts';

/** Of the moves in, into and out of each cluster, those that could start at once. */
function crowds(scene: Scene): readonly (readonly number[])[] {
  const clusterOf = (id: string) => [...scene.hosts.values()].find((one) => one.id === id)?.cluster;
  const all = new Set([...scene.hosts.values()].flatMap(({ cluster }) => cluster ?? []));
  return [...all].map((cluster) =>
    places(scene, ({ dependsOn, from, to, predicted }) => {
      const isInside = clusterOf(from) === cluster || clusterOf(to) === cluster;
      return isInside && dependsOn.length === 0 && predicted.seconds > 1;
    }),
  );
}

export const CLUSTER_MUTATORS: readonly Mutator[] = [
  {
    name: 'more in one cluster at once than the policy allows',
    codes: ['concurrency'],
    plant: (scene) => {
      const { perCluster = Number.POSITIVE_INFINITY } = scene.request.limits.concurrency;
      return crowds(scene)
        .filter((crowd) => crowd.length > perCluster)
        .map((crowd) =>
          scene.moves.map((move, index) => {
            if (!crowd.includes(index)) return move;
            return { ...move, predicted: { ...move.predicted, startSeconds: seconds(0) } };
          }),
        );
    },
  },
];
