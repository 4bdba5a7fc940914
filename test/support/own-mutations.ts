// Role: faults to plant in good plans that move VMs on which Drover stands.
import { seconds } from '../../src/domain/units.ts';
import { type Mutator, type Scene, places } from './mutation-scene.ts';

/** Positions of their moves. */
function ownPlaces(scene: Scene): readonly number[] {
  return places(scene, (move) => scene.vm(move).own !== undefined);
}

export const OWN_MUTATORS: readonly Mutator[] = [
  {
    name: 'own VM: not last',
    codes: ['own-vm'],
    plant: (scene) =>
      ownPlaces(scene)
        .filter((at) => scene.moves.slice(0, at).some((move) => scene.vm(move).own === undefined))
        .map((at) => {
          const rest = scene.moves.filter((_move, index) => index !== at);
          return [...scene.moves.slice(at, at + 1), ...rest];
        }),
  },
  {
    name: 'own VM: beside the last of the others',
    codes: ['own-vm'],
    plant: (scene) =>
      ownPlaces(scene).flatMap((at) => {
        const before = scene.moves[at - 1];
        if (before === undefined || before.predicted.seconds <= 0) return [];
        const { startSeconds } = before.predicted;
        return [scene.timed(at, { startSeconds })];
      }),
  },
  {
    name: 'own VM: others may start beside it',
    codes: ['own-vm'],
    plant: (scene) =>
      ownPlaces(scene).map((at) => {
        return scene.moves.map((move, index) => {
          const { alone: _alone, ...rest } = move;
          return index === at ? rest : move;
        });
      }),
  },
  {
    name: 'own VM: stopped and started',
    codes: ['own-vm'],
    plant: (scene) => ownPlaces(scene).map((at) => scene.with(at, { method: 'cold' })),
  },
  {
    name: 'own VM: its controller acts',
    codes: ['own-vm'],
    plant: (scene) =>
      scene.request.snapshot.vms
        .filter(({ own }) => own?.acting === 'with-standby')
        .flatMap(({ id, host }) =>
          [...scene.hosts.keys()]
            .filter((to) => to !== host)
            .flatMap((to) =>
              scene.withOneMore(id, host, to).map((moves) =>
                moves.map((move) => {
                  if (move.vm !== id) return move;
                  const startSeconds = seconds(1e6);
                  const predicted = { ...move.predicted, startSeconds };
                  return { ...move, alone: true as const, method: 'pre-copy' as const, predicted };
                }),
              ),
            ),
        ),
  },
  {
    name: 'another VM: holds all others up',
    codes: ['own-vm'],
    plant: (scene) =>
      places(scene, (move) => scene.vm(move).own === undefined).map((at) =>
        scene.with(at, { alone: true }),
      ),
  },
];
