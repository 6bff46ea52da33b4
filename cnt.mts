import { inMacroTask } from './test/sim/scheduler.js';
import { runSeed } from './test/sim/world.js';
import { RunningWal } from './src/storage/running-wal.js';
import { WalReader } from './src/storage/wal-reader.js';
const P:any=RunningWal.prototype, orig=P.read; const M=new Map();
P.read=function(a:number,b:number,c:number,d:any){Error.stackTraceLimit=8;const k=(new Error().stack??'').split('\n').slice(2,6).map(l=>l.replace(/.*at /,'').replace(/\(.*\/(.*?):\d+:\d+\)/,'$1')).join(' < ');Error.stackTraceLimit=0;return orig.call(this,a,b,c,(e:any,es:any)=>{const v=M.get(k)??[0,0,0,0];v[0]++;v[1]+=es.length;v[2]+=(b-a+1);v[3]+=c;M.set(k,v);d(e,es)})};
for(let s=7000;s<7060;s++)await inMacroTask(()=>runSeed({seed:s,seconds:60,servers:null,without:new Set(),traceLines:0}));
for(const [k,v] of [...M].sort((a,b)=>b[1][0]-a[1][0]))console.log((v[0]/60).toFixed(1),(v[1]/v[0]).toFixed(1),(v[2]/v[0]).toFixed(0),(v[3]/v[0]).toFixed(0),k);
process.exit(0)
