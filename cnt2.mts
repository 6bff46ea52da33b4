import { inMacroTask } from './test/sim/scheduler.js';
import { runSeed } from './test/sim/world.js';
import { SegmentPool } from './src/storage/segment-pool.js';
const P:any=SegmentPool.prototype, orig=P.read; let n=0,b=0;
P.read=function(a:any,m:any,p:any,d:any){n++;b+=m.length;return orig.call(this,a,m,p,d)};
for(let s=7000;s<7060;s++)await inMacroTask(()=>runSeed({seed:s,seconds:60,servers:null,without:new Set(),traceLines:0}));
console.log(n/60,b/n);process.exit(0)
