/**
 * Gives Node 20 `Promise.withResolvers`, which libp2p's dependencies call at run time. It does
 * nothing where the method exists (Node 22 and later). It must be the first import of every file
 * that reaches libp2p; the files of this folder that do so import it themselves.
 * Source: ECMAScript 2024, 27.2.4.9.
 */

if (typeof Promise.withResolvers !== 'function') {
  Object.defineProperty(Promise, 'withResolvers', {
    configurable: true,
    writable: true,
    value: function withResolvers<T>(this: PromiseConstructor): PromiseWithResolvers<T> {
      let resolve: PromiseWithResolvers<T>['resolve'] | undefined;
      let reject: PromiseWithResolvers<T>['reject'] | undefined;
      // The executor runs before the constructor returns, so both are set below.
      const promise = new this<T>((onResolve, onReject) => {
        resolve = onResolve;
        reject = onReject;
      });
      return {
        promise,
        resolve: resolve as PromiseWithResolvers<T>['resolve'],
        reject: reject as PromiseWithResolvers<T>['reject'],
      };
    },
  });
}
